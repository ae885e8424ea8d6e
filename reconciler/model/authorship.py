"""Who wrote what, as far as git tells."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Author:
    """Of one line: who, and in which commit."""

    name: str
    address: str
    commit: str

    def is_called(self, text: str) -> bool:
        """Whether a name that a person wrote down is this one's: name, address, or "name <address>"."""
        said = text.strip().casefold()
        own = {self.name.casefold(), self.address.casefold(), f"{self.name} <{self.address}>".casefold()}
        return bool(said) and said in own


@dataclass(frozen=True, slots=True)
class Committed:
    """Who wrote a commit ("Name <address>"), when it was made (with a zone), its first line, its parents."""

    id: str
    author: str
    at: datetime
    subject: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Authorship:
    """Of one purge: everybody who wrote a line of its approval or of the deletion, and which."""

    wrote: tuple[tuple[Author, str], ...] = ()
