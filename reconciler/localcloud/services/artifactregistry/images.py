"""Packages, versions, tags, Docker images and files of a repository: views of what was pushed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, unquote

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import exists, failed_precondition, invalid, not_found
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.services import generic, lro
from reconciler.localcloud.services.artifactregistry.repositories import load
from reconciler.localcloud.values import Json

_MEDIA = "application/vnd.docker.distribution.manifest.v2+json"
_QUERIES = Language({}, contains=True)


def _repository(call: Call) -> tuple[str, str]:
    """The repository's path with the project's number, and what follows it in the request's path."""
    parts = call.subject.split("/")
    path = "/".join(parts[:6])
    load(call, path)
    return projects.canonical(call.state, path), "/".join(parts[6:])


def _package(rest: str, word: str) -> tuple[str, str]:
    """`packages/a/b/versions/x` -> ("a%2Fb", "x"): the image's slashes stay in its one name."""
    image, _, own = rest.removeprefix("packages/").partition(f"/{word}/")
    return quote(unquote(image.removesuffix(f"/{word}")), safe=""), own


def _tags(call: Call, package: str) -> dict[str, list[str]]:
    """Tags by the digest they are on."""
    found: dict[str, list[str]] = {}
    for key, row in call.state.scan(f"artifactregistry.tags/{package}/tags/"):
        found.setdefault(row["version"], []).append(key.rpartition("/")[2])
    return found


def _named(call: Call, path: str) -> str:
    return projects.with_id(call.state, path)


def _paged(call: Call, word: str, rows: Iterator[tuple[str, Json]]) -> Answer:
    start, wanted = generic.start_of(call), predicate(call.query("filter"), _QUERIES)
    found, token = generic.page(call, ((key, row) for key, row in rows if key > start and wanted(row)))
    return ({word: found} if found else {}) | ({"nextPageToken": token} if token else {})


# --- packages --------------------------------------------------------------------------------------------------


def _packages(call: Call) -> Answer:
    path, _ = _repository(call)
    rows = call.state.scan(f"artifactregistry.packages/{path}/packages/")
    return _paged(call, "packages", ((key, _shown_package(call, key, row)) for key, row in rows))


def _shown_package(call: Call, key: str, row: Json) -> Json:
    own = key.partition("/")[2]
    return {"name": _named(call, own), "displayName": unquote(own.rpartition("/")[2]), **row}


def _get_package(call: Call) -> Answer:
    path, rest = _repository(call)
    key = f"artifactregistry.packages/{path}/packages/{_package(rest, '-')[0]}"
    row = call.state.get(key)
    if row is None:
        raise not_found()
    return _shown_package(call, key, row)


def _delete_package(call: Call) -> Answer:
    path, rest = _repository(call)
    package = f"{path}/packages/{_package(rest, '-')[0]}"
    if call.state.get(f"artifactregistry.packages/{package}") is None:
        raise not_found()
    for collection in ("versions", "tags"):
        for key, _ in list(call.state.scan(f"artifactregistry.{collection}/{package}/{collection}/")):
            call.state.delete(key)
    call.state.delete(f"artifactregistry.packages/{package}")
    return _gone(call)


def _gone(call: Call) -> Answer:
    return lro.started(call, "/".join(call.subject.split("/")[:6]), "generic.done", {})


# --- versions --------------------------------------------------------------------------------------------------


def _shown_version(call: Call, key: str, row: Json, tags: list[str]) -> Json:
    own = key.partition("/")[2]
    package, _, digest = own.partition("/versions/")
    full = f"{package.partition('/packages/')[0]}/dockerImages/{package.rpartition('/')[2]}@{digest}"
    metadata = {"name": _named(call, full), "imageSizeBytes": row["imageSizeBytes"], "mediaType": _MEDIA}
    shown = {
        "name": _named(call, own), "createTime": row["createTime"], "updateTime": row["updateTime"],
        "metadata": metadata,
    }  # fmt: skip
    if call.query("view") == "FULL" or call.method.name == "get":
        tag_path = f"{package}/tags/"
        shown["relatedTags"] = [{"name": _named(call, tag_path + tag), "version": shown["name"]} for tag in tags]
    return shown


def _versions(call: Call) -> Answer:
    path, rest = _repository(call)
    package = f"{path}/packages/{_package(rest, 'versions')[0]}"
    tags = _tags(call, package)
    rows = call.state.scan(f"artifactregistry.versions/{package}/versions/")
    shown = ((key, _shown_version(call, key, row, tags.get(key.rpartition("/")[2], []))) for key, row in rows)
    return _paged(call, "versions", shown)


def _version_key(call: Call) -> tuple[str, str, str]:
    path, rest = _repository(call)
    image, digest = _package(rest, "versions")
    package = f"{path}/packages/{image}"
    return f"artifactregistry.versions/{package}/versions/{digest}", package, digest


def _get_version(call: Call) -> Answer:
    key, package, digest = _version_key(call)
    row = call.state.get(key)
    if row is None:
        raise not_found()
    return _shown_version(call, key, row, _tags(call, package).get(digest, []))


def _delete_version(call: Call) -> Answer:
    """A tagged version goes only with `force`, which takes its tags along."""
    key, package, digest = _version_key(call)
    if call.state.get(key) is None:
        raise not_found()
    tags = _tags(call, package).get(digest, [])
    if tags and not call.flag("force"):
        raise failed_precondition(
            f"cannot delete version {digest} because it is tagged. Existing tags: {', '.join(sorted(tags))}"
        )
    for tag in tags:
        call.state.delete(f"artifactregistry.tags/{package}/tags/{tag}")
    call.state.delete(key)
    return _gone(call)


def _batch_delete(call: Call) -> Answer:
    """All or none: a version that is tagged stays, and so do the others."""
    path, rest = _repository(call)
    package = f"{path}/packages/{_package(rest, 'versions')[0]}"
    tags = _tags(call, package)
    for name in call.body.get("names") or []:
        digest = name.rpartition("/")[2]
        key = f"artifactregistry.versions/{package}/versions/{digest}"
        if call.state.get(key) is None:
            raise not_found()
        if digest in tags:
            raise failed_precondition(
                f"cannot delete version {digest} because it is tagged. Existing tags: {', '.join(tags[digest])}"
            )
        if not call.body.get("validateOnly"):
            call.state.delete(key)
    return _gone(call)


# --- tags ------------------------------------------------------------------------------------------------------


def _tag_key(call: Call, own: str = "") -> tuple[str, str]:
    path, rest = _repository(call)
    image, tag = _package(rest, "tags")
    package = f"{path}/packages/{image}"
    return f"artifactregistry.tags/{package}/tags/{own or tag}", package


def _shown_tag(call: Call, key: str, row: Json) -> Json:
    own = key.partition("/")[2]
    package = own.rpartition("/tags/")[0]
    return {"name": _named(call, own), "version": _named(call, f"{package}/versions/{row['version']}")}


def _list_tags(call: Call) -> Answer:
    _, package = _tag_key(call)
    rows = call.state.scan(f"artifactregistry.tags/{package}/tags/")
    return _paged(call, "tags", ((key, _shown_tag(call, key, row)) for key, row in rows))


def _get_tag(call: Call) -> Answer:
    key, _ = _tag_key(call)
    row = call.state.get(key)
    if row is None:
        raise not_found()
    return _shown_tag(call, key, row)


def _put_tag(call: Call) -> Answer:
    own = call.query("tagId") if call.method.name == "create" else ""
    key, package = _tag_key(call, own)
    stored = call.state.get(key)
    if call.method.name == "create" and (stored is not None or not own):
        raise exists("the tag already exists") if stored else invalid("tag_id is required", ("tag_id", "required"))
    if call.method.name == "patch" and stored is None:
        raise not_found()
    digest = str(call.body.get("version") or "").rpartition("/versions/")[2]
    if call.state.get(f"artifactregistry.versions/{package}/versions/{digest}") is None:
        raise not_found()
    call.state.put(key, {"version": digest})
    return _shown_tag(call, key, {"version": digest})


def _delete_tag(call: Call) -> Answer:
    key, _ = _tag_key(call)
    if call.state.get(key) is None:
        raise not_found()
    call.state.delete(key)
    return {}


# --- Docker images, files --------------------------------------------------------------------------------------


def _shown_image(call: Call, key: str, row: Json) -> Json:
    package, _, digest = key.partition("/")[2].partition("/versions/")
    repository, _, image = package.partition("/packages/")
    shown = _named(call, repository)
    _, project, _, place, _, own = shown.split("/")
    tags = _tags(call, package).get(digest, [])
    return {
        "name": f"{shown}/dockerImages/{image}@{digest}",
        "uri": f"{place}-docker.pkg.dev/{project}/{own}/{unquote(image)}@{digest}",
        "imageSizeBytes": row["imageSizeBytes"], "uploadTime": row["createTime"], "mediaType": _MEDIA,
        "buildTime": row["createTime"], "updateTime": row["updateTime"],
    } | ({"tags": tags} if tags else {})  # fmt: skip


def _images(call: Call) -> Answer:
    path, _ = _repository(call)
    rows = call.state.scan(f"artifactregistry.versions/{path}/packages/")
    return _paged(call, "dockerImages", ((key, _shown_image(call, key, row)) for key, row in rows))


def _get_image(call: Call) -> Answer:
    path, rest = _repository(call)
    image, _, digest = rest.removeprefix("dockerImages/").partition("@")
    key = f"artifactregistry.versions/{path}/packages/{quote(unquote(image), safe='')}/versions/{digest}"
    row = call.state.get(key)
    if row is None:
        raise not_found()
    return _shown_image(call, key, row)


def _files(call: Call) -> Answer:
    path, _ = _repository(call)
    rows = call.state.scan(f"artifactregistry.versions/{path}/packages/")
    return _paged(call, "files", ((key, _shown_file(call, path, key, row)) for key, row in rows))


def _shown_file(call: Call, path: str, key: str, row: Json) -> Json:
    own = key.partition("/")[2]
    digest = own.rpartition("/")[2]
    return {
        "name": f"{_named(call, path)}/files/{digest}", "sizeBytes": "1024", "createTime": row["createTime"],
        "updateTime": row["updateTime"], "owner": _named(call, own),
    }  # fmt: skip


_BASE = "artifactregistry.projects.locations.repositories."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}packages.list": _packages, f"{_BASE}packages.get": _get_package,
    f"{_BASE}packages.delete": _delete_package, f"{_BASE}packages.versions.list": _versions,
    f"{_BASE}packages.versions.get": _get_version, f"{_BASE}packages.versions.delete": _delete_version,
    f"{_BASE}packages.versions.batchDelete": _batch_delete,
    f"{_BASE}packages.tags.list": _list_tags, f"{_BASE}packages.tags.get": _get_tag,
    f"{_BASE}packages.tags.create": _put_tag, f"{_BASE}packages.tags.patch": _put_tag,
    f"{_BASE}packages.tags.delete": _delete_tag, f"{_BASE}dockerImages.list": _images,
    f"{_BASE}dockerImages.get": _get_image, f"{_BASE}files.list": _files,
}  # fmt: skip
