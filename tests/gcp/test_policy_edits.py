"""A policy is changed by exactly our members: conditions, foreign members and the etag stay."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.gcp.policies import PolicyAdapter, edited, members_of
from reconciler.gcp.session import CloudSetting, Session
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done
from reconciler.model.resource import Found

CONDITION = {"expression": "request.time < timestamp('2027-01-01T00:00:00Z')", "title": "until 2027"}
OWNER = {"role": "roles/owner", "members": ["user:jo@example.com"]}
TEMPORARY = {"role": "roles/viewer", "members": ["user:kim@example.com"], "condition": CONDITION}


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing sleeps here")


class MemoryDoor:
    def __init__(self, *bindings: Mapping[str, Any]) -> None:
        self.policy: dict[str, Any] = {"bindings": list(bindings), "etag": "e1", "auditConfigs": [{"service": "all"}]}
        self.writes = 0

    def read(self, resource: str) -> dict[str, Any]:
        return self.policy

    def write(self, resource: str, policy: Mapping[str, Any]) -> dict[str, Any]:
        assert policy["etag"] == self.policy["etag"], "the precondition travels with the policy"
        self.writes += 1
        self.policy = {**policy, "etag": f"e{self.writes + 1}"}
        return self.policy


def adapter(kind: str, door: MemoryDoor) -> PolicyAdapter:
    return PolicyAdapter(Session(CloudSetting(url="http://127.0.0.1:1"), FixedClock()), kind, door)


def call(kind: str, action: Action, bindings: list[Any], live: Found | None = None) -> Call:
    return Call(action, kind, "projects/p/iam", "projects/p", {"bindings": bindings}, live=live)


def test_an_open_policy_keeps_what_others_wrote() -> None:
    door = MemoryDoor(OWNER, TEMPORARY)
    ours = {"role": "roles/viewer", "members": ["serviceAccount:build@p"]}
    done = adapter("project.iam", door).begin(call("project.iam", Action.CREATE, [ours]))
    assert isinstance(done, Done)
    assert OWNER in door.policy["bindings"] and TEMPORARY in door.policy["bindings"] and ours in door.policy["bindings"]
    assert door.policy["auditConfigs"] and door.policy["version"] == 3


def test_an_owned_policy_loses_what_is_not_ours_also_with_a_condition() -> None:
    ours = {"role": "roles/secretmanager.secretAccessor", "members": ["serviceAccount:a@p"]}
    door = MemoryDoor(ours, TEMPORARY)
    secret = adapter("secret.iam", door)
    live = secret.get("projects/p/iam", "projects/p", {})
    assert live is not None
    assert any(b["role"] == f"roles/viewer if {CONDITION['expression']}" for b in live.body["bindings"])
    secret.begin(call("secret.iam", Action.UPDATE, [ours], live))
    assert door.policy["bindings"] == [ours]


def test_a_member_added_since_the_plan_is_not_taken_away_by_it() -> None:
    door = MemoryDoor(OWNER)
    project = adapter("project.iam", door)
    live = project.get("projects/p/iam", "projects/p", {})
    door.policy["bindings"].append({"role": "roles/editor", "members": ["user:new@example.com"]})
    project.begin(call("project.iam", Action.UPDATE, [OWNER, {"role": "roles/viewer", "members": ["user:a"]}], live))
    assert {"role": "roles/editor", "members": ["user:new@example.com"]} in door.policy["bindings"]


def test_nothing_to_change_writes_nothing() -> None:
    door = MemoryDoor(OWNER)
    adapter("project.iam", door).begin(call("project.iam", Action.CREATE, [OWNER]))
    assert door.writes == 0


def test_a_delete_takes_only_our_members_of_an_open_policy() -> None:
    door = MemoryDoor(OWNER, {"role": "roles/viewer", "members": ["user:a", "user:b"]})
    adapter("project.iam", door).begin(
        call("project.iam", Action.DELETE, [{"role": "roles/viewer", "members": ["user:a"]}])
    )
    assert door.policy["bindings"] == [OWNER, {"role": "roles/viewer", "members": ["user:b"]}]


roles = st.sampled_from(["roles/a", "roles/b", "roles/c"])
members = st.dictionaries(roles, st.sets(st.sampled_from(["user:1", "user:2", "user:3"]), min_size=1))


@given(before=members, add=members, cut=members)
def test_an_edit_is_the_set_arithmetic_it_says(before: Any, add: Any, cut: Any) -> None:
    policy = {"bindings": [{"role": r, "members": sorted(m)} for r, m in before.items()] + [TEMPORARY], "etag": "e"}
    cut = {role: who - add.get(role, set()) for role, who in cut.items()}
    after = members_of(edited(policy, add, cut)["bindings"])
    conditional = after.pop(f"roles/viewer if {CONDITION['expression']}")
    assert conditional == {"user:kim@example.com"}
    wanted = {r: (before.get(r, set()) | add.get(r, set())) - cut.get(r, set()) for r in {*before, *add}}
    assert after == {role: who for role, who in wanted.items() if who}
