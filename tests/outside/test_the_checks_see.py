"""The comparison with a quiet life sees what it is there for, and nothing of what the server draws by chance."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.outside.checking import contents, same

PROJECT = {"project/401": {"projectId": "acme-eu"}}
BUCKET = {"storage.b/acme-media": {"location": "EU", "etag": "CAE=", "timeCreated": "2026-11-27T06:33:12.271Z"}}


def cloud(folder: Path, rows: dict[str, Any]) -> dict[str, Any]:
    """What a local cloud with these rows holds."""
    folder.mkdir()
    base = sqlite3.connect(folder / "cloud.sqlite")
    base.execute("CREATE TABLE rows (key TEXT, value BLOB)")
    base.executemany("INSERT INTO rows VALUES (?, ?)", [(k, json.dumps(v).encode()) for k, v in rows.items()])
    base.commit()
    base.close()
    return contents(folder)


def test_numbers_times_and_etags_are_no_difference(tmp_path: Path) -> None:
    other = {"project/972": {"projectId": "acme-eu"}, "storage.b/acme-media": {"location": "EU", "etag": "CAI="}}
    other["storage.b/acme-media"]["timeCreated"] = "2026-12-01T01:02:03Z"
    same(cloud(tmp_path / "one", PROJECT | BUCKET), cloud(tmp_path / "two", other), 0)


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (PROJECT, "missing"),
        (PROJECT | BUCKET | {"storage.b/acme-media-2": {}}, "orphaned or made twice"),
        (PROJECT | {"storage.b/acme-media": {"location": "US"}}, "location"),
    ],
)
def test_a_difference_is_told(ours: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        same(cloud(tmp_path / "one", ours), cloud(tmp_path / "two", PROJECT | BUCKET), 0)


def test_two_folders_of_one_name_are_one_too_many(tmp_path: Path) -> None:
    folders = {f"cloudresourcemanager.folders/folders/{n}": {"displayName": "aipress-shards"} for n in (7001, 7002)}
    with pytest.raises(AssertionError, match="made twice"):
        cloud(tmp_path / "one", folders)
