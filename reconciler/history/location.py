"""Where a history lies: a path, or a git URL taken apart so that what signs in never shows. Pure text."""

import base64
import re
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import SplitResult, unquote, urlsplit

from reconciler.model.errors import UsageError

_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*(://|::)")
_SHORT = re.compile(r"^(?:([\w.+-]+)@)?(\[[0-9A-Fa-f:.]+\]|[\w.-]+):(.+)$")
"""git's short spelling of ssh: user@host:path. A path with a colon is written ./a:b, as for git."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SPELLINGS = "Set AIPRESS_HISTORY to a path, or to https://…, ssh://… or user@host:path of a bare git repository."


@dataclass(frozen=True, slots=True)
class Location:
    """A history elsewhere. `url` is what git is given and people read: it holds nothing that signs in.

    `origin` is scheme and host ("https://git.example:8443/"), `sign_in` the Authorization header made of what stood in
    the URL ("" when nothing did), `secrets` the texts that may stand in no message.
    """

    url: str
    protocol: str
    origin: str = ""
    sign_in: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def key(self) -> str:
        """Names the mirror's folder; the same whoever signs in."""
        return sha256(self.url.encode()).hexdigest()[:20]


def is_url(text: str) -> bool:
    """Whether this names a repository elsewhere, as git reads it; everything else is a path."""
    return bool(_URL.match(text) or _SHORT.match(text))


def shown(text: str) -> str:
    """A setting as people may read it: a URL without password, query and fragment, even one that we refuse."""
    if not _URL.match(text):
        return text
    head, _, rest = re.split(r"[?#]", text, maxsplit=1)[0].partition("//")
    before, _, path = rest.partition("/")
    # Whatever is left of the last @ may be a token; a password may hold a slash by mistake.
    host = rest.rpartition("@")[2] if "@" in rest else f"{before}/{path}" if path else before
    return f"{head}//{host}" if rest else head.partition("::")[0] + "::…"


def located(text: str) -> Location:
    """Raises UsageError for a URL of a kind that is not spoken here; its message holds no password."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise _wrong(text, "holds a character that no URL has")
    short = None if _URL.match(text) else _SHORT.match(text)
    if short:
        if text.startswith("-") or short[2].startswith("-"):
            raise _wrong(text, "begins a name with a dash")
        return Location(text, "ssh")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _wrong(text, "is no URL") from error
    if "://" not in text or parts.scheme not in ("https", "ssh", "file", "git", "http"):
        raise _wrong(text, "is a kind of URL that is not spoken here")
    if parts.query or parts.fragment:
        raise _wrong(text, "holds a query or a fragment, which no git server needs")
    if not parts.path.strip("/") or (parts.scheme == "file") != (not host) or host.startswith("-"):
        raise _wrong(text, "names no host or no repository")
    if parts.scheme in ("git", "http") and host not in _LOOPBACK:
        raise _wrong(text, f"is {parts.scheme}, which neither hides nor proves anything on its way (loopback only)")
    if parts.scheme == "file":
        return Location(f"file://{parts.path}", "file")
    where = f"[{host}]" if ":" in host else host
    where += f":{port}" if port else ""
    return _signed(text, parts, where)


def _signed(text: str, parts: SplitResult, where: str) -> Location:
    user, password = parts.username or "", parts.password or ""
    if parts.scheme == "ssh":
        if password:
            raise _wrong(text, "holds a password, which ssh does not take: use a key")
        if user.startswith("-"):
            raise _wrong(text, "begins a name with a dash")
        return Location(f"ssh://{user + '@' if user else ''}{where}{parts.path}", "ssh")
    url, origin = f"{parts.scheme}://{where}{parts.path}", f"{parts.scheme}://{where}/"
    if not (user or password):
        return Location(url, parts.scheme, origin)
    pair = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    token = password or user  # a token often stands where the name does
    secrets = tuple(sorted({token, unquote(token), pair}, key=len, reverse=True))
    return Location(url, parts.scheme, origin, f"Authorization: Basic {pair}", secrets)


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f"the history {shown(text)!r} {why}", _SPELLINGS)
