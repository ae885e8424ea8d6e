"""Equal values in other spellings: `1000m` = `1`, `1Gi` = `1024Mi`, `604800s` = `168h0m0s`."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_BINARY = {"Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40)}
_DECIMAL = {unit: Decimal(10) ** power for unit, power in {"m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}.items()}
_QUANTITY = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|m|k|M|G|T|)$")
_SECONDS = re.compile(r"^([0-9]+(?:\.[0-9]+)?)s$")


def quantity(value: Any) -> Any:
    """A Kubernetes quantity as a plain number; anything else as it is."""
    found = _QUANTITY.match(str(value))
    if not found:
        return value
    number, unit = Decimal(found[1]), found[2]
    return _plain(number * (_BINARY.get(unit) or _DECIMAL[unit]))


def duration(value: Any) -> Any:
    """A protobuf JSON duration ("300s", "300.000s") as seconds; a bare number is seconds."""
    found = _SECONDS.match(str(value))
    try:
        return _plain(Decimal(found[1] if found else str(value)))
    except InvalidOperation:
        return value


def integer(value: Any) -> Any:
    """int64 travels as a string in Google's JSON."""
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _plain(number: Decimal) -> int | str:
    return int(number) if number == number.to_integral_value() else format(number.normalize(), "f")


SPELLINGS: Mapping[str, Callable[[Any], Any]] = {
    "quantity": quantity, "duration": duration, "int": integer, "lower": lower,
}  # fmt: skip
