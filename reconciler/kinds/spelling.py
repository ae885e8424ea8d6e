"""Equal values in other spellings: `1000m` = `1`, `1Gi` = `1024Mi`, `604800s` = `168h0m0s`, nothing = zero."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from reconciler.kinds.kind import Kind
from reconciler.kinds.paths import spelling_at, under

_BINARY = {"Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40)}
_DECIMAL = {unit: Decimal(10) ** power for unit, power in {"m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}.items()}
_QUANTITY = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)(Ki|Mi|Gi|Ti|m|k|M|G|T|)")
_SECONDS = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)s?")
_CLOCK = re.compile(r"(?:([0-9]{1,20})h)?(?:([0-9]{1,20})m)?(?:([0-9]{1,20})s)?")
_INTEGER = re.compile(r"-?[0-9]{1,20}")


def quantity(value: Any) -> Any:
    """A Kubernetes quantity as a plain number; anything else as it is."""
    found = None if isinstance(value, bool) else _QUANTITY.fullmatch(str(value))
    if not found:
        return value
    number, unit = Decimal(found[1]), found[2]
    return _plain(number * (_BINARY.get(unit) or _DECIMAL[unit]))


def duration(value: Any) -> Any:
    """A duration ("300s", "300.000s", "5m0s") as seconds; a bare number is seconds; anything else as it is."""
    text = "" if isinstance(value, bool) else str(value)
    found = _SECONDS.fullmatch(text)
    if found:
        return _plain(Decimal(found[1]))
    parts = _CLOCK.fullmatch(text) if text else None
    return sum(int(n or 0) * each for n, each in zip(parts.groups(), (3600, 60, 1), strict=True)) if parts else value


def integer(value: Any) -> Any:
    """int64 travels as a string in Google's JSON."""
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _plain(number: Decimal) -> int | str:
    return int(number) if number == number.to_integral_value() else format(number.normalize(), "f")


SPELLINGS: Mapping[str, Callable[[Any], Any]] = {
    "quantity": quantity, "duration": duration, "int": integer, "lower": lower,
}  # fmt: skip


def spelled(kind: Kind, path: str, value: Any) -> Any:
    """A value in the one spelling that its place has."""
    rule = spelling_at(kind, path)
    return SPELLINGS[rule](value) if rule else value


def empty(value: Any) -> bool:
    """Google's JSON leaves these out: null, false, zero, "", and what holds nothing."""
    if isinstance(value, list | tuple | Mapping | str):
        return not value
    return value is None or value is False or value == 0


def same(kind: Kind, path: str, live: Any, want: Any) -> bool:
    """Whether two plain values are one: spelling apart, nothing and zero alike, more where a value only grows."""
    have, wish = spelled(kind, path, live), spelled(kind, path, want)
    if empty(have) and empty(wish):
        return True
    if isinstance(have, bool) or isinstance(wish, bool):
        return have is wish
    if have == wish:
        return True
    if under(kind.grows_only, path) and isinstance(have, int) and isinstance(wish, int):
        return have >= wish
    return isinstance(have, int | str) and isinstance(wish, int | str) and str(have) == str(wish)
