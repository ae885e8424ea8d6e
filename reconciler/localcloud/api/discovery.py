"""Google's discovery documents, as shipped with google-api-python-client, read lazily into routes and schemas."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

from reconciler.localcloud.api.routes import Routes
from reconciler.localcloud.values import Json

_PARAMETER = re.compile(r"\{(\+?)([^}]+)\}")
_GROUP = re.compile(r"\([^()]*\)[?*+]?")
_ANY = re.compile(r"^\.[*+]$")
_VERSION = re.compile(r"^(?:v\d+\w*|alpha|beta)$")
# APIs whose documents have another name than their host.
_DOCUMENT_NAMES = {"sql-component": "sqladmin"}


# Paths that Google answers beside those of the documents, by path and method id: the pattern of the one parameter.
_FURTHER = {
    # The operations of a worker pool stand below the pool (recording).
    ("v1/{+name}", "cloudbuild.projects.locations.operations.get"): "projects/[^/]+/locations/[^/]+/workerPools/[^/]+/"
    "operations/[^/]+",
}  # fmt: skip


@dataclass(frozen=True)
class Method:
    """One method of an API. `template` is the whole path after the host; schemas are named as in the document.

    `shape` is the template with `*` and `**` for what varies, as Google's protos write it.
    """

    id: str
    verb: str
    template: str
    request: str
    response: str
    path_parameters: tuple[str, ...]
    query_parameters: Mapping[str, Json]
    pattern: re.Pattern[str] = field(repr=False)
    shape: str = ""

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The query parameters that must be there."""
        return tuple(name for name, parameter in self.query_parameters.items() if parameter.get("required"))

    @property
    def name(self) -> str:
        """The last word of the id: `list`, `get`, `setIamPolicy`."""
        return self.id.rsplit(".", 1)[1]

    @property
    def mutating(self) -> bool:
        reads = {"getIamPolicy", "testIamPermissions", "search", "query", "wait", "aggregatedList"}
        return self.verb != "GET" and self.name not in reads


class Api:
    """One version of one API."""

    def __init__(self, document: Json) -> None:
        self.name: str = document["name"]
        self.version: str = document["version"]
        self.title: str = document.get("title") or self.name
        self.host: str = document["rootUrl"].split("//")[1].split(".")[0]
        self.base: str = document.get("servicePath") or ""
        self.schemas: dict[str, Json] = document.get("schemas", {})
        self.document = document
        self._cached: dict[str, Any] = {}

    def cached(self, name: str, make: Callable[[], Any]) -> Any:
        """What was once worked out about this API, made by `make` when it is first asked for."""
        if name not in self._cached:
            self._cached[name] = make()
        return self._cached[name]

    @cached_property
    def methods(self) -> list[Method]:
        found = [_method(raw, self.base) for raw in (*_walk(self.document), *_further(self.document))]
        # A name pattern like `services/[^/]+` also swallows `services/x:undelete`: routes with a verb come first, and
        # what says more in plain words comes before what leaves more open.
        found.sort(key=lambda method: (":" not in method.template, -_plain(method.shape), method.template.count("{+")))
        return found

    @cached_property
    def _routes(self) -> Routes[Method]:
        return Routes(self.methods)

    def match(self, verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method for a raw path (still percent-encoded, no leading slash) and its decoded path parameters."""
        for method in self._routes.candidates(verb, path):
            found = method.pattern.fullmatch(path)
            if found:
                values = (unquote(value) for value in found.groups())
                return method, dict(zip(method.path_parameters, values, strict=True))
        return None

    def schema(self, name: str) -> Json:
        return self.schemas.get(name, {})

    def message(self, type_url: str) -> Json:
        """The schema of a packed message (`type.googleapis.com/google.cloud.run.v2.Job`), or an empty one."""
        whole = "".join(part[:1].upper() + part[1:] for part in type_url.rsplit("/", 1)[-1].split("."))
        if whole in self.schemas:
            return self.schemas[whole]
        tail = type_url.rsplit(".", 1)[-1]
        if tail in self.schemas:
            return self.schemas[tail]
        return next((schema for name, schema in self.schemas.items() if name.endswith(self.version.upper() + tail)), {})

    def resolve(self, schema: Json) -> Json:
        """Follow `$ref`."""
        return self.schemas.get(schema["$ref"], {}) if "$ref" in schema else schema


def _walk(node: Json) -> Iterator[Json]:
    yield from node.get("methods", {}).values()
    for inner in node.get("resources", {}).values():
        yield from _walk(inner)


def _further(document: Json) -> Iterator[Json]:
    for raw in _walk(document):
        pattern = _FURTHER.get((raw["path"], raw["id"]))
        if pattern:
            name = raw["parameterOrder"][0]
            yield {**raw, "parameters": {**raw["parameters"], name: {**raw["parameters"][name], "pattern": pattern}}}


def _method(raw: Json, base: str) -> Method:
    template = base + raw["path"]
    parameters: Json = raw.get("parameters", {})
    names: list[str] = []
    shape = _PARAMETER.sub(lambda found: _stars(parameters.get(found[2], {}).get("pattern", "")), template)

    def group(found: re.Match[str]) -> str:
        names.append(found[2])
        pattern = parameters.get(found[2], {}).get("pattern", "")
        if pattern and found[1]:
            inner = pattern.removeprefix("^").removesuffix("$")
            return "(" + re.sub(r"\((?!\?)", "(?:", inner) + ")"
        return "(.+)" if found[1] else "([^/]+?)"

    pieces, last = [], 0
    for found in _PARAMETER.finditer(template):
        pieces += [re.escape(template[last : found.start()]), group(found)]
        last = found.end()
    pieces.append(re.escape(template[last:]))
    return Method(
        id=raw["id"],
        verb=raw["httpMethod"],
        template=template,
        request=raw.get("request", {}).get("$ref", ""),
        response=raw.get("response", {}).get("$ref", ""),
        path_parameters=tuple(names),
        query_parameters={name: value for name, value in parameters.items() if value.get("location") == "query"},
        pattern=re.compile("".join(pieces)),
        shape=shape,
    )


def _plain(shape: str) -> int:
    return sum("*" not in part for part in shape.split("/"))


def _stars(pattern: str) -> str:
    """`^projects/[^/]+/secrets/[^/]+$` -> `projects/*/secrets/*`; what has no such pattern is one segment."""
    text = pattern.strip("^$").replace("[^/]", "*")
    while _GROUP.search(text):
        text = _GROUP.sub("*", text)
    parts = [_ANY.sub("**", part) if _ANY.search(part) else part for part in text.split("/")]
    return "/".join(part if re.fullmatch(r"[\w.-]+|\*\*", part) else "*" for part in parts)


class Library:
    """All documents; each is read when the first request for it comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apis: dict[str, Api | None] = {}
        self._versions: dict[str, list[str]] = {}
        for file in self._folder.iterdir():
            name, _, version = file.name.removesuffix(".json").partition(".")
            if file.suffix == ".json":
                self._versions.setdefault(name, []).append(version)

    def knows(self, host: str) -> bool:
        return _DOCUMENT_NAMES.get(host, host) in self._versions

    def versions(self, host: str) -> list[str]:
        """The versions of an API: v2, v1, then v2beta1, v1alpha."""

        def rank(version: str) -> tuple[bool, int, str]:
            return not re.fullmatch(r"v\d+", version), -int(re.sub(r"\D.*", "", version[1:]) or 0), version

        return sorted(self._versions.get(_DOCUMENT_NAMES.get(host, host), ()), key=rank)

    @cached_property
    def titles(self) -> dict[str, tuple[str, str]]:
        """Title and description of every API in Google's own directory of them, by name."""
        directory = orjson.loads((self._folder / "index.json").read_bytes())
        return {item["name"]: (item["title"], item["description"]) for item in directory["items"]}

    def api(self, name: str, version: str) -> Api | None:
        key = f"{name}.{version}"
        if key not in self._apis:
            file = self._folder / f"{key}.json"
            self._apis[key] = Api(orjson.loads(file.read_bytes())) if file.exists() else None
        return self._apis[key]

    def find(self, host: str, path: str) -> Api | None:
        """The API that a path after the host belongs to, by the version in its first segments."""
        name = _DOCUMENT_NAMES.get(host, host)
        for segment in path.split("/", 3)[:3]:
            version = segment.split(":", 1)[0]
            if _VERSION.match(version):
                return self.api(name, version)
        return None


@cache
def documents() -> Library:
    """The documents of this installation, shared by all that read them here."""
    return Library(_installed())


def _installed() -> Path:
    # find_spec, because importing googleapiclient itself would cost a third of a second at start-up.
    spec = importlib.util.find_spec("googleapiclient")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "the local cloud needs google-api-python-client, which carries Google's discovery documents; "
            "install the extra: pip install 'aipress-reconciler[localcloud]'"
        )
    return Path(spec.origin).parent / "discovery_cache" / "documents"
