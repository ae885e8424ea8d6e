"""Bodies as people write them and as an API gives them back, for properties of the comparison."""

from typing import Any

from hypothesis import strategies as st

from reconciler.kinds.kind import Keyed, Kind, Proof

SYNTHETIC = Kind(
    "test.thing", "thing", "test", Proof.CONTAINER,
    keyed=(
        Keyed("owned", "name"), Keyed("owned[*].tags"), Keyed("open", "role", owned=False),
        Keyed("open[*].members", "", owned=False), Keyed("plain"),
    ),
    equal=(
        ("size", "quantity"), ("wait", "duration"), ("count", "int"), ("disk", "int"), ("place", "lower"),
        ("owned[*].size", "quantity"),
    ),
    grows_only=("disk",),
    write_only=("password",),
    whole=("labels",),
)  # fmt: skip
"""A kind with every rule of the table in it."""

words = st.text("abcxyz", min_size=1, max_size=3)
scalars = st.none() | st.booleans() | st.integers(-3, 5000) | words | st.just("") | st.just("0")
members = st.lists(words, max_size=4, unique=True)
sizes = st.sampled_from(["1", "1000m", "512Mi", "1Gi", "1024Mi", "2"])


def _named(key: str, fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    element = st.fixed_dictionaries({key: words}, optional=fields)
    return st.lists(element, max_size=4, unique_by=lambda item: item[key])


def bodies() -> st.SearchStrategy[dict[str, Any]]:
    """Any body of the synthetic kind."""
    inner = st.fixed_dictionaries({}, optional={"a": scalars, "b": scalars, "c.d/e": scalars})
    return st.fixed_dictionaries(
        {},
        optional={
            "size": sizes,
            "wait": st.sampled_from(["300s", "300.000s", "5m0s", "7s"]),
            "count": st.integers(0, 9) | st.integers(0, 9).map(str),
            "place": st.sampled_from(["EU", "eu", "us"]),
            "disk": st.integers(1, 20).map(str),
            "flag": st.booleans(),
            "labels": st.dictionaries(words, words, max_size=3),
            "inner": inner,
            "empty": st.just({}),
            "owned": _named("name", {"value": scalars, "size": sizes, "tags": members}),
            "open": _named("role", {"members": members}),
            "plain": members,
            "steps": st.lists(inner, max_size=3),
            "other": scalars,
        },
    )


def shuffled(draw: st.DrawFn, value: Any) -> Any:
    """The same body with map keys and keyed lists in another order."""
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {key: _reordered(draw, key, value[key]) for key in keys}
    return [shuffled(draw, item) for item in value] if isinstance(value, list) else value


def _reordered(draw: st.DrawFn, key: str, value: Any) -> Any:
    inner = shuffled(draw, value)
    return list(draw(st.permutations(inner))) if key in ("owned", "open", "plain", "tags", "members") else inner


RESPELLED = {
    "1": "1000m", "1000m": "1.0", "1Gi": "1024Mi", "1024Mi": "1Gi", "512Mi": "524288Ki", "2": "2000m",
    "300s": "5m0s", "300.000s": "300s", "5m0s": "300.0s", "7s": "7.000s", "EU": "eu", "eu": "Eu", "us": "US",
}  # fmt: skip


def respelled(body: dict[str, Any]) -> dict[str, Any]:
    """The same body as another client would spell it: units, int64 as text, zero values left out."""
    result = dict(body)
    for key in ("size", "wait", "place"):
        if key in body:
            result[key] = RESPELLED[body[key]]
    if "count" in body:
        result["count"] = int(body["count"]) if isinstance(body["count"], str) else str(body["count"])
    if "owned" in body:
        result["owned"] = [
            item | ({"size": RESPELLED[item["size"]]} if "size" in item else {}) for item in body["owned"]
        ]
    return {key: value for key, value in result.items() if value not in (False, None, "", [], {})}
