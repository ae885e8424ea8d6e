"""Samples of real buckets, policies, service accounts and roles: an equivalent object here has every leaf they have.

The samples are not in the repository: without them this skips.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.localcloud.test_core_sql_samples import SAMPLES, leaves

PROJECT = "acme-eu-001"
# What a user wrote into the sampled buckets; everything else was filled in.
WRITTEN = (
    "autoclass", "billing", "cors", "defaultEventBasedHold", "encryption", "iamConfiguration", "labels", "lifecycle",
    "location", "logging", "retentionPolicy", "rpo", "storageClass", "versioning", "website", "softDeletePolicy",
)  # fmt: skip


def sampled(kind: str, url: str = "") -> list[dict[str, Any]]:
    """All sampled answers of a kind, those of lists one by one, each shape once."""
    if not SAMPLES.exists():
        pytest.skip(f"no samples beside the repository ({SAMPLES.name} is missing)")
    found: dict[str, dict[str, Any]] = {}
    for line in SAMPLES.read_text().splitlines():
        row = json.loads(line)
        answer = row["response"]
        if row["status"] != 200 or not isinstance(answer, dict) or not re.search(url, row["url"] + row["file"]):
            continue
        for item in answer.get("items") or answer.get("accounts") or [answer]:
            if isinstance(item, dict) and (item.get("kind") == kind if kind else "email" in item):
                found[json.dumps(sorted(set(leaves(item))))] = item
    assert found, f"no sample of {kind or url}"
    return list(found.values())


def wanted(sample: dict[str, Any], own: str) -> dict[str, Any]:
    body = {name: json.loads(json.dumps(sample[name])) for name in WRITTEN if name in sample}
    access = body.get("iamConfiguration", {})
    for name in ("bucketPolicyOnly", "uniformBucketLevelAccess"):
        access.get(name, {}).pop("lockedTime", None)
    if access.get("publicAccessPrevention") == "unspecified":
        access["publicAccessPrevention"] = "inherited"  # the older word for it
    body.get("retentionPolicy", {}).pop("effectiveTime", None)
    body.get("encryption", {}).pop("defaultKmsKeyName", None)
    return body | {"name": own}


def test_a_bucket_has_what_real_ones_have(world: Any) -> None:
    lacking: set[str] = set()
    for index, sample in enumerate(sampled("storage#bucket")):
        own = f"acme-sample-{index}"
        status, made = world.ask("POST", "/storage/v1/b", wanted(sample, own), project=PROJECT)
        assert status == 200, (made, sample)
        made = world.ask("GET", f"/storage/v1/b/{own}", projection="full")[1]
        lacking |= set(leaves(sample)) - set(leaves(made))
    # A lock has a time once access has been uniform; somebody gave a person access to one sampled bucket.
    assert {path for path in lacking if "lockedTime" not in path} <= {".satisfiesPZS", ".acl[].email"}


def test_a_bucket_policy_has_what_real_ones_have(world: Any) -> None:
    world.ask("POST", "/storage/v1/b", {"name": "acme-policies"}, project=PROJECT)
    made = world.ask("GET", "/storage/v1/b/acme-policies/iam")[1]
    for sample in sampled("storage#policy"):
        assert set(leaves(sample)) - {".bindings[].condition" + part for part in (".title", ".expression")} <= set(
            leaves(made)
        )


def test_a_service_account_has_what_real_ones_have(world: Any) -> None:
    accounts = f"/iam/v1/projects/{PROJECT}/serviceAccounts"
    for index, sample in enumerate(sampled("", r"iam.googleapis.com|-serviceAccounts_")):
        told = {name: sample[name] for name in ("displayName", "description") if name in sample}
        own = f"sample-{index}"
        status, made = world.ask("POST", accounts, {"accountId": own, "serviceAccount": told})
        assert status == 200
        if sample.get("disabled"):
            world.ask("POST", f"/iam/v1/{made['name']}:disable", {})
            made = world.ask("GET", f"/iam/v1/{made['name']}")[1]
        assert set(leaves(sample)) <= set(leaves(made))
