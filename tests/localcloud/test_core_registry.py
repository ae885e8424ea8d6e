"""Artifact Registry: repositories and their rules; images that a build pushed, with tags and versions."""

from __future__ import annotations

from typing import Any

import pytest

BASE = "/artifactregistry/v1/projects/acme-eu-001/locations/europe-west1/repositories"
IMAGE = "europe-west1-docker.pkg.dev/acme-eu-001/sites/acme/shop"


@pytest.fixture
def sites(world: Any) -> str:
    operation = world.ask(
        "POST", BASE, {"format": "DOCKER", "labels": {"a": "b"}, "mode": "MODE_UNSPECIFIED"}, repositoryId="sites"
    )[1]
    row = world.done("/artifactregistry/v1/", operation)["response"]
    assert row["mode"] == "STANDARD_REPOSITORY"
    assert row["registryUri"] == "europe-west1-docker.pkg.dev/acme-eu-001/sites"
    return f"{BASE}/sites"


def push(world: Any, tag: str) -> str:
    build = {"steps": [{"name": "gcr.io/cloud-builders/docker"}], "images": [f"{IMAGE}:{tag}"], "tags": [tag]}
    build["substitutions"] = {"_TAG": tag}
    build["options"] = {"substitutionOption": "ALLOW_LOOSE"}
    status, operation = world.ask("POST", "/cloudbuild/v1/projects/acme-eu-001/builds", build)
    assert status == 200, operation
    world.pass_time(1000)
    own = operation["metadata"]["build"]["id"]
    done = world.ask("GET", f"/cloudbuild/v1/projects/acme-eu-001/builds/{own}")[1]
    assert done["status"] == "SUCCESS", done
    return str(done["results"]["images"][0]["digest"])


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"format": "DOCKER", "mode": "REMOTE_REPOSITORY"},
        {"format": "DOCKER", "remoteRepositoryConfig": {"dockerRepository": {"publicRepository": "DOCKER_HUB"}}},
        {"format": "DOCKER", "labels": {"A": "b"}},
        {"format": "DOCKER", "cleanupPolicies": {"old": {"condition": {"olderThan": "86400s"}}}},
    ],
)
def test_a_repository_that_cannot_be_is_refused(world: Any, wish: Any) -> None:
    assert world.ask("POST", BASE, wish, repositoryId="sites")[0] == 400


def test_a_query_may_be_spelt_as_the_protos_do(world: Any) -> None:
    assert world.ask("POST", BASE, {"format": "DOCKER"}, repository_id="sites")[0] == 200
    assert world.ask("GET", f"{BASE}/sites")[0] == 200


def test_a_repository_changes_but_not_its_format(world: Any, sites: str) -> None:
    wish = {"cleanupPolicies": {"old": {"action": "DELETE", "condition": {"olderThan": "86400s"}}}}
    row = world.ask("PATCH", sites, wish, updateMask="cleanupPolicies")[1]
    assert row["cleanupPolicies"]["old"]["id"] == "old"
    assert row["labels"] == {"a": "b"}
    assert world.ask("PATCH", sites, {"format": "NPM"}, updateMask="format")[0] == 400
    assert world.ask("POST", BASE, {"format": "DOCKER"}, repositoryId="sites")[0] == 409


def test_what_a_build_pushes_is_in_the_repository(world: Any, sites: str) -> None:
    digest = push(world, "v1")
    images = world.ask("GET", f"{sites}/dockerImages")[1]["dockerImages"]
    assert [(one["uri"], one["tags"]) for one in images] == [(f"{IMAGE}@{digest}", ["v1"])]
    assert world.ask("GET", f"/artifactregistry/v1/{images[0]['name']}")[1] == images[0]
    package = world.ask("GET", f"{sites}/packages")[1]["packages"][0]
    assert package["name"].endswith("/packages/acme%2Fshop")
    path = f"/artifactregistry/v1/{package['name']}"
    assert world.ask("GET", path)[1] == package
    version = world.ask("GET", f"{path}/versions")[1]["versions"][0]
    assert version["name"].endswith(digest)
    tag = world.ask("GET", f"{path}/tags/v1")[1]
    assert tag == {"name": f"{package['name']}/tags/v1", "version": version["name"]}


def test_tags_move_and_tagged_versions_stay(world: Any, sites: str) -> None:
    first, second = push(world, "v1"), push(world, "v2")
    assert first != second
    path = f"{sites}/packages/acme%2Fshop"
    package = world.ask("GET", path)[1]["name"]
    made = world.ask("POST", f"{path}/tags", {"version": f"{package}/versions/{first}"}, tagId="live")
    assert made[0] == 200
    world.ask("PATCH", f"{path}/tags/live", {"version": f"{package}/versions/{second}"})
    assert world.ask("GET", f"{path}/tags/live")[1]["version"].endswith(second)
    status, answer = world.ask("DELETE", f"{path}/versions/{second}")
    assert (status, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert world.ask("DELETE", f"{path}/versions/{second}", force="true")[0] == 200
    tags = world.ask("GET", f"{path}/tags")[1]["tags"]
    assert [one["name"].rpartition("/")[2] for one in tags] == ["v1"]


def test_versions_are_deleted_together_or_not_at_all(world: Any, sites: str) -> None:
    first, second = push(world, "v1"), push(world, "v1")
    path = f"{sites}/packages/acme%2Fshop"
    package = world.ask("GET", path)[1]["name"]
    third = push(world, "v2")
    assert first == second, "the same build again is the same image"
    world.ask("DELETE", f"{path}/tags/v1")
    both = {"names": [f"{package}/versions/{digest}" for digest in (first, third)]}
    assert world.ask("POST", f"{path}/versions:batchDelete", both)[0] == 400
    assert len(world.ask("GET", f"{path}/versions")[1]["versions"]) == 2
    one = {"names": [f"{package}/versions/{first}"]}
    assert world.ask("POST", f"{path}/versions:batchDelete", one)[0] == 200
    assert len(world.ask("GET", f"{path}/versions")[1]["versions"]) == 1


def test_a_deleted_repository_takes_its_images_along(world: Any, sites: str) -> None:
    push(world, "v1")
    assert world.ask("DELETE", sites)[0] == 200
    assert world.ask("GET", f"{sites}/dockerImages")[0] == 404
    world.ask("POST", BASE, {"format": "DOCKER"}, repositoryId="sites")
    assert world.ask("GET", f"{sites}/dockerImages")[1] == {}


def test_a_push_is_noted_even_by_a_request_that_is_refused(world: Any, sites: str) -> None:
    build = {"steps": [{"name": "x"}], "images": [f"{IMAGE}:v1"]}
    world.ask("POST", "/cloudbuild/v1/projects/acme-eu-001/builds", build)
    world.pass_time(1000)
    assert world.ask("GET", f"{BASE}/none")[0] == 404
    assert len(world.ask("GET", f"{sites}/dockerImages")[1]["dockerImages"]) == 1
