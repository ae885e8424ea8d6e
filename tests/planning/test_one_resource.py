"""One resource, wanted and seen and last applied: the change that follows, or why there is none."""

from dataclasses import replace

from reconciler.model.fleet import Written
from reconciler.model.ids import Address
from reconciler.model.plan import Action, Plan, Verdict
from reconciler.model.resource import Absent, Ref, Unknown
from reconciler.planning.plan import make_plan
from tests.planning.given import (
    DATABASE,
    INSTANCE,
    NOW,
    SECRET,
    SERVICE,
    facts,
    fleet,
    found,
    labelled,
    resource,
    version,
)

WANTED = labelled(
    {"ingress": "INGRESS_TRAFFIC_ALL", "template": {"timeout": "300s", "scaling": {"maxInstanceCount": 4}}}
)


def only(plan: Plan) -> tuple[Action, str, list[str]]:
    assert len(plan.changes) == 1, [str(c.address) for c in plan.changes]
    change = plan.changes[0]
    return change.action, change.reason, [f.path for f in change.fields]


def test_what_is_absent_is_created_and_nothing_is_taken_for_granted() -> None:
    plan = make_plan(facts([resource(SERVICE, WANTED)]))
    action, reason, paths = only(plan)
    assert (action, reason) == (Action.CREATE, "it is not there yet")
    assert "template.timeout" in paths
    assert plan.changes[0].fingerprint == "absent"


def test_equal_in_other_spellings_and_order_is_no_change() -> None:
    live = labelled(
        {
            "template": {"scaling": {"maxInstanceCount": 4}, "timeout": "300.000s"},
            "uri": "https://x",
            "ingress": "INGRESS_TRAFFIC_ALL",
        }
    )
    plan = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(live)}, version([resource(SERVICE, WANTED)])))
    assert plan.changes == ()
    assert plan.compared == 1


def test_a_field_changed_in_git_is_exactly_what_the_plan_shows() -> None:
    after = labelled({**WANTED, "template": {"timeout": "300s", "scaling": {"maxInstanceCount": 9}}})
    plan = make_plan(facts([resource(SERVICE, after)], {SERVICE: found(WANTED)}, version([resource(SERVICE, WANTED)])))
    assert only(plan) == (Action.UPDATE, "it was changed in Git", ["template.scaling.maxInstanceCount"])
    field = plan.changes[0].fields[0]
    assert (field.before, field.after) == (4, 9)
    assert not plan.changes[0].drift


def test_a_field_changed_outside_git_is_drift() -> None:
    live = labelled({**WANTED, "template": {"timeout": "300s", "scaling": {"maxInstanceCount": 50}}})
    plan = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(live)}, version([resource(SERVICE, WANTED)])))
    assert only(plan) == (Action.UPDATE, "it was changed outside Git", ["template.scaling.maxInstanceCount"])
    assert plan.changes[0].drift


def test_a_field_no_longer_declared_is_cleared_and_one_never_declared_is_not_ours() -> None:
    before = labelled({**WANTED, "annotations": {"old": "x"}})
    live = labelled({**WANTED, "annotations": {"old": "x", "somebody-elses": "y"}})
    after = labelled({**WANTED, "annotations": {}})
    plan = make_plan(facts([resource(SERVICE, after)], {SERVICE: found(live)}, version([resource(SERVICE, before)])))
    assert only(plan)[2] == ["annotations.old"]
    assert plan.changes[0].dropped == ("annotations.old",)


def test_what_is_as_wanted_but_recorded_otherwise_is_noted_and_no_change() -> None:
    """A run died after the effect and before its version; or somebody did it in the console, and then in Git."""
    before = labelled({**WANTED, "template": {"timeout": "300s", "scaling": {"maxInstanceCount": 9}}})
    plan = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(WANTED)}, version([resource(SERVICE, before)])))
    assert plan.changes == ()
    assert [(str(c.address), c.action, c.body) for c in plan.unrecorded] == [(SERVICE, Action.ADOPT, WANTED)]
    assert plan.summary()["none"] == 1
    assert Plan.from_json(plan.to_json()) == plan
    same = labelled({**WANTED, "template": {"timeout": "300.0s", "scaling": {"maxInstanceCount": 4}}})
    quiet = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(WANTED)}, version([resource(SERVICE, same)])))
    assert quiet.unrecorded == ()


def test_a_text_that_was_applied_too_late_for_its_version_is_told() -> None:
    """A target could not be read when the version was made; since then nothing is left to do."""
    of = fleet()
    written = Written("shards/eu-001/tenants/acme/tenant.yaml", None, {}, "new")
    of = replace(of, tenants={"acme": written})
    old = replace(version([resource(SERVICE, WANTED)]), fleet_commit="c1", documents={written.path: "old"})
    now = facts([resource(SERVICE, WANTED)], {SERVICE: found(WANTED)}, old, fleet=of)
    plan = make_plan(now)
    assert (plan.changes, plan.late, plan.to_record) == ((), ("eu-001",), True)
    assert Plan.from_json(plan.to_json()) == plan
    for quiet in (
        replace(old, documents={written.path: "new"}),
        replace(old, fleet_commit="c0"),  # an edit that changes nothing makes no version
    ):
        assert make_plan(replace(now, history={"eu-001": quiet})).late == ()
    unread = facts([resource(SERVICE, WANTED)], {SERVICE: Unknown("backend error", NOW)}, old, fleet=of)
    assert make_plan(unread).late == ()


def test_ours_and_equal_but_never_recorded_is_adopted() -> None:
    plan = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(WANTED)}))
    assert only(plan)[0] is Action.ADOPT


def test_a_strangers_object_is_never_touched_nor_what_needs_it() -> None:
    needs_it = resource(DATABASE, {"charset": "utf8mb4"}, after=(Address.parse(SERVICE),))
    plan = make_plan(
        facts([resource(SERVICE, WANTED), needs_it], {SERVICE: found({"labels": {"aipress-owner": "somebody"}})})
    )
    assert plan.changes == ()
    assert [(g.guard, g.verdict) for g in plan.refused()] == [("ownership", Verdict.REFUSE)]
    assert "does not carry our mark" in plan.refused()[0].message


def test_what_a_stranger_made_again_under_our_name_is_not_ours() -> None:
    """Deleted and made anew by somebody who does not know of us: equal or not, it takes our mark to be adopted."""
    last = version([resource(SERVICE, WANTED)])
    for body in ({**WANTED, "labels": {}}, {"labels": {"aipress-owner": "somebody"}}):
        plan = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(body, uid="uid-2")}, last))
        assert plan.changes == ()
        assert [(g.guard, g.verdict) for g in plan.refused()] == [("ownership", Verdict.REFUSE)]
    adopted = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(WANTED, uid="uid-2")}, last))
    assert only(adopted)[:2] == (Action.ADOPT, "it was made again outside Git, as wanted")


def test_ours_with_its_mark_rubbed_off_is_still_ours_while_it_is_the_same_object() -> None:
    live = {**WANTED, "labels": {}}
    plan = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(live)}, version([resource(SERVICE, WANTED)])))
    assert only(plan)[:2] == (Action.UPDATE, "it was changed outside Git")


def test_what_does_not_work_is_never_no_change() -> None:
    broken = replace(found(WANTED), trouble="no revision serves")
    plan = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: broken}, version([resource(SERVICE, WANTED)])))
    assert only(plan)[:2] == (Action.ADOPT, "it is there as wanted, and does not work: no revision serves")


def test_an_immutable_field_means_replace_and_data_is_never_replaced() -> None:
    live = {
        "databaseVersion": "MYSQL_8_0",
        "region": "europe-west1",
        "settings": {"userLabels": {"aipress-owner": "k3v9x2ma"}},
    }
    want = {**live, "region": "us-central1"}
    before = resource(INSTANCE, live)
    plan = make_plan(facts([resource(INSTANCE, want)], {INSTANCE: found(live)}, version([before])))
    assert only(plan)[0] is Action.REPLACE
    assert [g.guard for g in plan.refused()] == ["data-delete"]
    assert plan.refused()[0].items == (Address.parse(INSTANCE),)


def test_an_unreadable_object_is_never_created_and_says_why() -> None:
    needs_it = resource(SERVICE, {"env": Ref(Address.parse(INSTANCE), "ip").to_body()})
    plan = make_plan(facts([resource(INSTANCE, {}), needs_it], {INSTANCE: Unknown("the list failed: 503", NOW)}))
    assert plan.changes == ()
    assert [(g.guard, g.message) for g in plan.refused()] == [
        ("partial-read", "shard/eu-001/sql.instance/main could not be read: the list failed: 503")
    ]


def test_data_that_was_recorded_and_is_gone_is_not_made_again_silently() -> None:
    wanted = resource(DATABASE, {"charset": "utf8mb4"})
    plan = make_plan(facts([wanted], {DATABASE: Absent(NOW)}, version([wanted])))
    assert only(plan)[:2] == (Action.CREATE, "it was removed outside Git")
    assert [g.guard for g in plan.refused()] == ["lost-data"]


def test_what_is_kept_but_never_made_is_not_made() -> None:
    kept = resource(DATABASE, {"charset": "utf8mb4"}, only_if=Address.parse(DATABASE))
    assert make_plan(facts([kept])).changes == ()


def test_an_unready_object_of_ours_is_waited_for() -> None:
    recorded = version([resource(SERVICE, WANTED)])
    plan = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(WANTED, ready=False)}, recorded))
    assert only(plan)[0] is Action.ADOPT


def test_a_value_of_something_that_is_there_is_filled_in_and_one_to_come_says_where_from() -> None:
    user = resource(SERVICE, labelled({"host": Ref(Address.parse(INSTANCE), "ipAddresses[0].ipAddress").to_body()}))
    instance = resource(INSTANCE, {"region": "eu"})
    later = make_plan(facts([user, instance]))
    change = next(c for c in later.changes if c.address == user.address)
    unknown = next(f for f in change.fields if f.path == "host").to_json()
    assert unknown["unknown"] == {"resource": INSTANCE, "path": "ipAddresses[0].ipAddress"}
    assert change.after == (instance.address,)
    live = {"region": "eu", "ipAddresses": [{"ipAddress": "10.0.0.3"}]}
    known = make_plan(facts([user, instance], {INSTANCE: found(live)}, version([instance])))
    assert known.changes[0].body["host"] == "10.0.0.3"


def test_a_write_only_value_is_compared_with_what_was_applied_and_never_shown() -> None:
    def user(number: str) -> object:
        return {"host": "%", "passwordFrom": {"secret": SECRET, "version": number}}

    address = "tenant/acme/sql.user/production"
    recorded = version([resource(address, user("1"))])
    same = make_plan(facts([resource(address, user("1"))], {address: found({"host": "%"})}, recorded))
    assert same.changes == ()
    rotated = make_plan(facts([resource(address, user("2"))], {address: found({"host": "%"})}, recorded))
    assert rotated.changes[0].fields[0].to_json() == {
        "path": "passwordFrom",
        "from": None,
        "to": None,
        "sensitive": True,
    }


def test_something_unreadable_that_it_comes_after_does_not_hold_back_a_change_of_what_is_there() -> None:
    after = labelled({**WANTED, "template": {"timeout": "60s", "scaling": {"maxInstanceCount": 4}}})
    wanted = resource(SERVICE, after, after=(Address.parse(INSTANCE),))
    unreadable = {INSTANCE: Unknown("503", NOW), SERVICE: found(WANTED)}
    plan = make_plan(facts([wanted, resource(INSTANCE, {})], unreadable, version([resource(SERVICE, WANTED)])))
    assert only(plan)[2] == ["template.timeout"]
    new = make_plan(facts([wanted, resource(INSTANCE, {})], {INSTANCE: Unknown("503", NOW)}))
    assert new.changes == ()


def timed(last: str, git: str, live: str) -> tuple[str, bool]:
    """The reason and the drift flag of a time-out as last applied, as Git says and as it is."""
    before, after = (labelled({"template": {"timeout": text}}) for text in (last, git))
    there = labelled({"template": {"timeout": live}})
    plan = make_plan(facts([resource(SERVICE, after)], {SERVICE: found(there)}, version([resource(SERVICE, before)])))
    assert len(plan.changes) == 1
    return plan.changes[0].reason, plan.changes[0].drift


def test_another_spelling_in_git_is_no_intention_and_so_does_not_hide_drift() -> None:
    assert timed("300s", "5m0s", "7s") == ("it was changed outside Git", True)
    assert timed("300s", "300s", "7s") == ("it was changed outside Git", True)
    assert timed("300s", "7s", "5m0s") == ("it was changed in Git", False)
    assert timed("300.000s", "7s", "300s") == ("it was changed in Git", False)
