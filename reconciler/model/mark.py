"""The first line of our comment: by it, and by its author, a later run finds the comment again. It is written and read
here alone, and nothing that a tenant wrote is in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

START = "<!-- aipress:comment v=1 "
_END = " -->"
_UNSAFE = re.compile(r"[^A-Za-z0-9:._/+-]")
_LONGEST = 100
"""Characters of one value: a digest has 71."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`key`: "plan" or "apply"; `fleet` tells two fleets of one repository apart (its folder, say). `head` and `base`
    are full commit ids; `plan` a digest; `at`: when the plan was made, ISO 8601 in UTC ("" : not told)."""

    key: str
    fleet: str = ""
    head: str = ""
    base: str = ""
    plan: str = ""
    at: str = ""

    def line(self) -> str:
        parts = {
            "key": self.key, "fleet": self.fleet, "head": self.head, "base": self.base, "plan": self.plan,
            "at": self.at,
        }  # fmt: skip
        return START + " ".join(f"{name}={safe(value)}" for name, value in parts.items() if safe(value)) + _END

    @classmethod
    def of(cls, body: str) -> "Mark | None":
        """What stands on the first line of a comment, when that is a mark of ours."""
        first = body[:2000].partition("\n")[0].rstrip("\r ")
        if not first.startswith(START) or not first.endswith(_END):
            return None
        said: Mapping[str, str] = dict(
            word.split("=", 1) for word in first[len(START) : -len(_END)].split(" ") if "=" in word
        )
        fields = {name: said.get(name, "") for name in ("key", "fleet", "head", "base", "plan", "at")}
        return cls(**fields) if fields["key"] else None


def safe(value: str) -> str:
    """Neither blanks nor what ends an HTML comment."""
    return re.sub(r"-{2,}", "-", _UNSAFE.sub("", value)[:_LONGEST])
