"""`validate --fix`: what can be mended without thinking. A missing uid, and numbers that were meant as text."""

import secrets
from collections.abc import Callable, Mapping

from reconciler.model.diagnostic import Position
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.source.check import check
from reconciler.source.document import MAX_BYTES, parse
from reconciler.source.edit import replace_tokens, set_value
from reconciler.source.load import documents
from reconciler.source.paths import place
from reconciler.source.tree import Files
from reconciler.source.uid import ENTROPY, uid_from

_WITH_UID = ("Fleet", "Shard", "Tenant")


def new_uid() -> str:
    return uid_from(secrets.token_bytes(ENTROPY))


def fixes(fleet: Fleet, files: Files, fresh: Callable[[], str] = new_uid) -> Mapping[str, str]:
    """New texts by path, for the files of a fleet that have a fixable diagnostic. Nothing is written here."""
    wanted = {d.file for d in fleet.diagnostics if d.fixable}
    taken = {written.document.metadata.uid for written in documents(fleet).values()}
    made: dict[str, str] = {}
    for file in files.files():
        if file.path not in wanted:
            continue
        content = files.read(file, MAX_BYTES)
        uid = fresh()
        while uid in taken:
            uid = fresh()
        taken.add(uid)
        text = fixed(content, file.path, uid)
        if text is not None and text.encode() != content:
            made[file.path] = text
    return made


def fixed(content: bytes, path: str, uid: str) -> str | None:
    """One file mended; `uid` goes in where none is. None when the file cannot be read at all."""
    text = _quoted(content, path)
    if text is None:
        return None
    where = place(path)
    parsed = parse(text.encode(), path)
    metadata = parsed.value.get("metadata") if parsed.value else None
    if where is not None and where.kind in _WITH_UID and isinstance(metadata, dict) and "uid" not in metadata:
        try:
            return set_value(text, ("metadata", "uid"), uid, after="name")
        except InputError:
            return text  # the rest of the file needs a person first
    return text


def _quoted(content: bytes, path: str) -> str | None:
    """Numbers and the like quoted where text must stand."""
    parsed = parse(content, path)
    if parsed.value is None:
        return None
    _, found = check(parsed)
    tokens: dict[Position, str] = {
        d.position: f'"{parsed.token(d.position)}"' for d in found if d.fixable and d.code in ("AP104", "AP107")
    }
    return replace_tokens(parsed.text, tokens)
