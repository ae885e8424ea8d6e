"""The seam through which everything goes that is told of the daemon: no secret passes it.

Two sieves: secrets that are known (read at the start, so that no error can bring them out), in the spellings they take
on the way; and what looks like one, whoever wrote it. It is for logs, traces and messages; plans and the history carry
secrets by reference and need none.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from reconciler.report.escape import cut, plain

HIDDEN = "(secret)"
LEAST = 6
"""Characters of a known secret: shorter ones would hide half of every sentence."""
MOST = 64 * 1024
"""Characters of a text that are looked at; the rest is not told."""
SHOWN = 2_000
"""Characters of one text that are told: far fewer than are looked at, so no cut leaves half a secret."""

_NAME = r"(?:pass(?:word|wd|phrase)?|pwd|secrets?|tokens?|(?:api|access|private)[-_.]?key|credentials?|auth)"
# Every repetition has a bound, or takes all it can at once: hostile text costs no more than its length.
_LOOKS = (
    re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|glptt-|xox[abeprs]-|ya29\.|sk-|AKIA|AIza)[A-Za-z0-9_.\-]{8,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(r"\bhttps://hooks\.[a-z0-9.-]{1,100}/[^\s\"'<>]+", re.IGNORECASE),
)
_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/@\"'<>]{1,500}@")
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization|bearer|basic)(\s{0,3}[:=]?\s{1,3}|[:=])(?:(?:bearer|basic)\s{1,3})?\S{6,}",
    re.IGNORECASE,
)
_PAIR = re.compile(
    rf"({_NAME}[A-Za-z0-9_.-]{{0,30}})([\"']?\s{{0,3}}(?:=>|=|:)\s{{0,3}})"
    r"(\"[^\"\n]{0,2000}\"?|'[^'\n]{0,2000}'?|[^\s,;&\"'(]+)",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"([?&](?:x-goog-signature|signature|sig|key|code|access_token|token)=)[^&\s\"'#]+", re.IGNORECASE)


class Seam:
    """`known`: the secrets of this process. Safe for threads."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        forms = {form for secret in known if len(secret) >= LEAST for form in _forms(secret)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def hidden(self, text: str) -> str:
        """The text without its secrets; what it says is still hostile."""
        text = text[:MOST]
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for looks in _LOOKS:
            text = looks.sub(HIDDEN, text)
        text = _URL.sub(rf"\1{HIDDEN}@", text)
        text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
        text = _SIGNED.sub(rf"\1{HIDDEN}", text)
        return _PAIR.sub(rf"\1\2{HIDDEN}", text)

    def line(self, text: str) -> str:
        """One line without secrets, every character of it visible."""
        return plain(cut(self.hidden(text), SHOWN))

    def value(self, value: Any) -> Any:
        """The same for plain JSON, keys and all. What is no JSON is told as its text."""
        if value is None or isinstance(value, bool | int | float):
            return str(value) if isinstance(value, float) and not isfinite(value) else value
        if isinstance(value, Mapping):
            return {self.line(str(key)): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return self.line(str(value))


def _forms(secret: str) -> Iterable[str]:
    """How a secret is spelled on its way: as it is, in a URL, in JSON, in Python's quotes, in base64."""
    raw = secret.encode(errors="surrogatepass")
    quoted = "".join(chr(b) if (chr(b).isalnum() and b < 128) or chr(b) in "-._~" else f"%{b:02X}" for b in raw)
    yield from (secret, quoted, quoted.replace("%20", "+"))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # What stands before it shifts the letters: the middle ones are the same for each of three places.
        for shift in range(3):
            told = encode(b"\0" * shift + raw).decode().rstrip("=")
            middle = told[(0, 2, 3)[shift] : len(told) - (1 if (len(raw) + shift) % 3 else 0)]
            if len(middle) >= 8:
                yield middle
