"""`metadata.uid`: made once from entropy of the caller, written in Git, never changed. Pure."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALL = _LETTERS + "0123456789"
ENTROPY = 16
"""Bytes that one uid is made from; it keeps about 41 bits of them."""


def uid_from(entropy: bytes) -> str:
    """A uid of 8 characters, a letter first (model.ids.UID). The same bytes give the same uid."""
    number = int.from_bytes(entropy, "big")
    number, first = divmod(number, len(_LETTERS))
    rest = []
    for _ in range(7):
        number, digit = divmod(number, len(_ALL))
        rest.append(_ALL[digit])
    return _LETTERS[first] + "".join(rest)
