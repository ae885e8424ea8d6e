"""Listings of objects: prefixes and delimiters, offsets, globs, generations, soft-deleted ones, pages."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.storage import objects
from reconciler.localcloud.services.storage.globs import glob
from reconciler.localcloud.services.storage.lifecycle import swept
from reconciler.localcloud.services.storage.rules import refused
from reconciler.localcloud.values import Json, seconds_of

_END = "\U0010ffff"


class _Listing:
    """What one request asks for, and the page as it fills."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.bucket: str = call.params["bucket"]
        self.prefix, self.delimiter = call.query("prefix"), call.query("delimiter")
        self.first, self.last = call.query("startOffset"), call.query("endOffset")
        self.size = min(call.whole("maxResults", 1000) or 1000, 1000)
        self.pattern = glob(call.query("matchGlob")) if call.query("matchGlob") else None
        self.items: list[Json] = []
        self.prefixes: set[str] = set()
        self.token = ""
        self._seen = ""

    def common(self, name: str) -> str:
        position = name.find(self.delimiter, len(self.prefix)) if self.delimiter else -1
        return name[: position + len(self.delimiter)] if position >= 0 else ""

    def takes(self, name: str) -> bool:
        return name >= self.first and not (self.pattern and not self.pattern.fullmatch(name))

    def full(self) -> bool:
        if len(self.items) + len(self.prefixes) < self.size:
            return False
        self.token = base64.urlsafe_b64encode(self._seen.encode()).decode()
        return True

    def add(self, mark: str, row: Json) -> bool:
        """Take `row` (`mark` is its place in the order); False when the page is full and it belongs to the next."""
        name = row["name"]
        if not self.takes(name):
            return True
        common = self.common(name)
        if common in self.prefixes:
            self._seen = mark
            return True
        if self.full():
            return False
        self._seen = mark
        if common:
            self.prefixes.add(common)
        if not common or (self.call.flag("includeTrailingDelimiter") and name == common):
            self.items.append(objects.seen(self.call, row))
        return True

    def skip(self, common: str) -> None:
        self._seen = common + _END


def _list(call: Call) -> Answer:
    if call.flag("versions") and call.flag("softDeleted"):
        raise refused("The versions and softDeleted parameters cannot be used together.")
    swept(call)
    listing = _Listing(call)
    after = generic.start_of(call)
    if call.flag("softDeleted") or call.flag("versions"):
        for mark, row in _generations(call, listing, after):
            if not listing.add(mark, row):
                break
    else:
        _live(call, listing, after)
    _folders(call, listing)
    result: Json = {"kind": "storage#objects"}
    if listing.token:
        result["nextPageToken"] = listing.token
    if listing.prefixes:
        result["prefixes"] = sorted(listing.prefixes)
    return result | ({"items": listing.items} if listing.items else {})


def _live(call: Call, listing: _Listing, after: str) -> None:
    """Live objects; what lies below a common prefix is jumped over, not read."""
    base = f"storage.o/{listing.bucket}/"
    position = base + after if after else ""
    jumping = True
    while jumping:
        jumping = False
        for key, row in call.state.scan(base + listing.prefix, position):
            if listing.last and row["name"] >= listing.last:
                return
            if not listing.add(row["name"], row):
                return
            common = listing.common(row["name"])
            if common in listing.prefixes:
                listing.skip(common)
                position, jumping = base + common + _END, True
                break
            position = key


def _generations(call: Call, listing: _Listing, after: str) -> Iterator[tuple[str, Json]]:
    """With `versions` each object's generations, oldest first; or the soft-deleted ones."""
    kinds = ("soft",) if call.flag("softDeleted") else ("o", "old")
    found = [row for kind in kinds for _, row in call.state.scan(f"storage.{kind}/{listing.bucket}/{listing.prefix}")]
    found.sort(key=lambda row: (row["name"], int(row["generation"])))
    for row in found:
        mark = f"{row['name']}#{int(row['generation']):020d}"
        expired = "hardDeleteTime" in row and seconds_of(row["hardDeleteTime"]) < call.now
        beyond = bool(listing.last) and row["name"] >= listing.last
        if mark > after and not expired and not beyond:
            yield mark, row


def _folders(call: Call, listing: _Listing) -> None:
    if not call.flag("includeFoldersAsPrefixes") or listing.delimiter != "/":
        return
    for collection in ("managedFolders", "folders"):
        for _, folder in call.state.scan(f"storage.{collection}/{listing.bucket}/{listing.prefix}"):
            common = listing.common(folder["name"])
            if common:
                listing.prefixes.add(common)


METHODS = {"storage.objects.list": _list}
