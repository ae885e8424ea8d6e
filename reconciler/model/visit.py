"""What a visitor of a site's public URL met: an answer, or silence. And what either says of the site."""

from dataclasses import dataclass
from enum import StrEnum


class Heard(StrEnum):
    WELL = "well"
    UNWELL = "unwell"
    SILENT = "silent"
    """Nobody could ask: that says nothing of the site, neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Visit:
    """`status`: of the HTTP answer, 0 when there was none; `why`: then, in words."""

    url: str
    status: int = 0
    why: str = ""

    @property
    def heard(self) -> Heard:
        """A page, a redirect (not followed) and a demand to sign in are a site that works; 429 is somebody before it
        who does not let us through."""
        if self.status in (0, 429):
            return Heard.SILENT
        return Heard.WELL if self.status < 400 or self.status in (401, 403) else Heard.UNWELL

    def told(self) -> str:
        """ "https://… answers 503", or why it could not be asked."""
        if self.status == 429:
            return f"{self.url} answers 429: it lets no more visitors through"
        return f"{self.url} answers {self.status}" if self.status else f"{self.url} could not be asked: {self.why}"
