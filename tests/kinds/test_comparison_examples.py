"""The comparison on bodies of real kinds: what is drift, what is not, and what an update must name."""

from datetime import UTC, datetime

import pytest

from reconciler.kinds.catalog import KINDS, kind_of
from reconciler.kinds.compare import difference, dropped, fingerprint, mask, merged, replaces, value_at, visible
from reconciler.kinds.kind import Kind
from reconciler.kinds.spelling import SPELLINGS
from reconciler.model.ids import Address
from reconciler.model.resource import Found, Ref

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADDRESS = Ref(Address.parse("shard/eu-001/sql.instance/main"), "ipAddresses[0].ipAddress")


def container(**fields: object) -> dict[str, object]:
    return {"template": {"containers": [fields]}}


def test_a_changed_limit_is_one_field_and_its_mask_names_the_list() -> None:
    kind = kind_of("run.service")
    live = container(name="c-1", image="a", resources={"limits": {"cpu": "1000m", "memory": "512Mi"}})
    want = container(image="a", resources={"limits": {"cpu": "1", "memory": "1Gi"}})
    (field,) = difference(kind, live, want, None)
    assert (field.path, field.before, field.after) == (
        "template.containers[0].resources.limits.memory", "512Mi", "1Gi",
    )  # fmt: skip
    assert mask(kind, [field]) == ("template.containers",)
    assert visible(kind, [field])
    assert merged(kind, live, want)["template"]["containers"][0]["name"] == "c-1"


def test_one_environment_variable_more_is_one_field_named_by_the_variable() -> None:
    kind = kind_of("run.service")
    live = container(env=[{"name": "B", "value": "2"}, {"name": "GONE", "value": "x"}])
    want = container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    paths = [(f.path, f.before, f.after) for f in difference(kind, live, want, None)]
    assert paths == [
        ("template.containers[0].env[A]", None, {"name": "A", "value": "1"}),
        ("template.containers[0].env[GONE]", {"name": "GONE", "value": "x"}, None),
    ]


def test_an_annotation_with_a_dot_in_its_name_can_be_changed_and_dropped() -> None:
    kind = kind_of("run.service")
    live = {"annotations": {"aipress.io/path": "a", "others.example/x": "kept"}}
    (changed,) = difference(kind, live, {"annotations": {"aipress.io/path": "b"}}, None)
    assert (changed.path, changed.before, changed.after) == ("annotations[aipress.io/path]", "a", "b")
    assert mask(kind, [changed]) == ("annotations",)
    last = {"annotations": {"aipress.io/path": "a"}}
    fields = difference(kind, live, {"annotations": {}}, last)
    cleared = dropped(fields, {"annotations": {}})
    assert merged(kind, live, {"annotations": {}}, cleared) == {"annotations": {"others.example/x": "kept"}}


def test_others_members_of_a_role_we_leave_are_kept_and_ours_go() -> None:
    kind = kind_of("project.iam")
    live = {"bindings": [{"role": "roles/x", "members": ["user:other", "serviceAccount:ours"]}]}
    last = {"bindings": [{"role": "roles/x", "members": ["serviceAccount:ours"]}]}
    fields = difference(kind, live, {"bindings": []}, last)
    assert [f.path for f in fields] == ["bindings[roles/x].members[serviceAccount:ours]"]
    after = merged(kind, live, {"bindings": []}, dropped(fields, {"bindings": []}))
    assert after == {"bindings": [{"role": "roles/x", "members": ["user:other"]}]}


def test_a_role_that_only_we_are_in_goes_whole() -> None:
    kind = kind_of("project.iam")
    last = {"bindings": [{"role": "roles/x", "members": ["serviceAccount:ours"]}]}
    fields = difference(kind, last, {"bindings": []}, last)
    assert [f.path for f in fields] == ["bindings[roles/x]"]
    assert merged(kind, last, {"bindings": []}, dropped(fields, {"bindings": []})) == {"bindings": []}


def test_a_policy_that_is_no_longer_declared_at_all_takes_only_our_members_with_it() -> None:
    kind = kind_of("project.iam")
    live = {
        "bindings": [{"role": "roles/x", "members": ["user:other", "sa:ours"]}, {"role": "roles/y", "members": ["u"]}]
    }
    last = {"bindings": [{"role": "roles/x", "members": ["sa:ours"]}]}
    fields = difference(kind, live, {}, last)
    after = merged(kind, live, {}, dropped(fields, {}))
    assert after == {
        "bindings": [{"role": "roles/x", "members": ["user:other"]}, {"role": "roles/y", "members": ["u"]}]
    }


def test_a_conditional_binding_of_the_same_role_is_another_one_and_survives() -> None:
    kind = kind_of("project.iam")
    conditional = {"role": "roles/x", "members": ["user:night"], "condition": {"title": "t", "expression": "e"}}
    live = {"bindings": [conditional, {"role": "roles/x", "members": ["user:other"]}]}
    want = {"bindings": [{"role": "roles/x", "members": ["sa:ours"]}]}
    (field,) = difference(kind, live, want, None)
    assert field.path == "bindings[roles/x].members[sa:ours]"
    assert merged(kind, live, want)["bindings"] == [
        conditional, {"role": "roles/x", "members": ["user:other", "sa:ours"]},
    ]  # fmt: skip


def test_a_wider_grant_and_a_foreign_reader_of_a_secret_are_drift() -> None:
    grant, wide = (
        {"grants": [{"database": "a", "privileges": ["ALL PRIVILEGES"]}]},
        {"database": "*", "privileges": ["SELECT"]},
    )
    fields = difference(kind_of("sql.grant"), {"grants": [wide, *grant["grants"]]}, grant, None)
    assert [(f.path, f.after) for f in fields] == [("grants[*]", None)]
    policy = {"bindings": [{"role": "r", "members": ["sa:a"]}]}
    live = {"bindings": [{"role": "r", "members": ["sa:b", "sa:a"]}]}
    fields = difference(kind_of("secret.iam"), live, policy, None)
    assert [f.path for f in fields] == ["bindings[r].members[sa:b]"]


def test_an_object_declared_empty_owns_nothing_in_it() -> None:
    kind, live = kind_of("storage.managed-folder"), {"name": "a/", "metageneration": "1", "updateTime": "t"}
    assert difference(kind, live, {}, {}) == ()
    moved = live | {"metageneration": "2", "updateTime": "u"}
    assert fingerprint(kind, Found(live, "1", NOON), {}) == fingerprint(kind, Found(moved, "1", NOON), {})


def test_clearing_leaves_the_live_object_it_was_given_alone() -> None:
    kind, live = kind_of("secret"), {"labels": {"a": "1", "b": "2"}}
    assert merged(kind, live, {}, ["labels.a"]) == {"labels": {"b": "2"}}
    assert live == {"labels": {"a": "1", "b": "2"}}


def test_zero_written_as_text_and_nothing_are_the_same() -> None:
    kind = kind_of("storage.bucket")
    assert difference(kind, {}, {"softDeletePolicy": {"retentionDurationSeconds": "0"}}, None) == ()


def test_a_value_not_known_yet_says_where_it_will_come_from() -> None:
    want = container(env=[{"name": "HOST", "value": ADDRESS.to_body()}])
    (field,) = difference(kind_of("run.service"), container(env=[{"name": "HOST", "value": "10.0.0.1"}]), want, None)
    assert (field.path, field.before, field.unknown) == ("template.containers[0].env[HOST].value", "10.0.0.1", ADDRESS)
    (field,) = difference(kind_of("run.service"), container(env=[]), want, None)
    assert (field.path, field.unknown) == ("template.containers[0].env[HOST].value", ADDRESS)


def test_an_unknown_value_in_an_immutable_field_may_replace_and_a_known_one_does() -> None:
    kind = kind_of("project")
    (field,) = difference(kind, {"parent": "folders/1"}, {"parent": ADDRESS.to_body()}, None)
    assert field.may_replace
    (field,) = difference(kind, {"parent": "folders/1"}, {"parent": "folders/2"}, None)
    assert replaces(kind, [field]) == (field,)


def test_a_dropped_field_in_a_removed_place_is_no_error() -> None:
    assert merged(kind_of("secret"), {"a": 1}, {}, ["labels.a", "x[0].y", "a.b"]) == {"a": 1}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[0].c", 1), ("a.b[1]", None), ("list[x].value", 2), ("list[x]", {"name": "x", "value": 2}),
        ("map[d.e]", 3), ("plain[q]", "q"), ("a.missing.deeper", None),
    ],
)  # fmt: skip
def test_a_value_is_found_by_index_key_and_bracketed_name(path: str, value: object) -> None:
    body = {"a": {"b": [{"c": 1}]}, "list": [{"name": "x", "value": 2}], "map": {"d.e": 3}, "plain": ["p", "q"]}
    assert value_at(body, path) == value


@pytest.mark.parametrize("entry", KINDS.values(), ids=lambda k: k.name)
def test_the_table_of_kinds_is_consistent(entry: Kind) -> None:
    assert all(rule in SPELLINGS for _, rule in entry.equal)
    assert set(entry.grows_only) <= {path for path, rule in entry.equal if rule == "int"}
    assert entry.permissions
    assert not (entry.global_name and not entry.labels), "somebody else may own the name, so it must carry our label"


@pytest.mark.parametrize("order", [("OUTGOING", "PRIMARY", "PRIVATE"), ("PRIVATE", "PRIMARY", "OUTGOING")])
def test_an_address_is_taken_by_its_type_wherever_it_stands(order: tuple[str, ...]) -> None:
    """The address that calls go out from answers nobody."""
    body = {"ipAddresses": [{"type": kind, "ipAddress": f"of {kind}"} for kind in order]}
    assert value_at(body, "ipAddresses[PRIMARY].ipAddress") == "of PRIMARY"
    assert value_at(body, "ipAddresses[PRIVATE].ipAddress") == "of PRIVATE"
    assert value_at({"ipAddresses": body["ipAddresses"][:0]}, "ipAddresses[PRIMARY].ipAddress") is None
