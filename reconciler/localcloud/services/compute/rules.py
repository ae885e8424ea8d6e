"""Rules of firewall policies and security policies: added, changed, removed and read by their priority."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import engine
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import Place, place_of
from reconciler.localcloud.services.compute.shapes import accepted, completed
from reconciler.localcloud.values import Json

_NOUNS = {"firewallPolicies": "firewall policy", "securityPolicies": "security policy"}


def _at(call: Call) -> tuple[Place, Json, list[Json]]:
    place, stored = engine.load(call, place_of(call))
    return place, stored, list(stored.get("rules", []))


def _priority(call: Call) -> int:
    text = call.query("priority") or call.query("rulePriority")
    if not text and call.body.get("priority") is not None:
        text = str(call.body["priority"])
    if not text:
        return 0
    if not (text.isdecimal() and len(text) < 20):
        raise refused("priority", text, "Must be a non-negative integer.")
    return int(text)


def _index(place: Place, rules: list[Json], priority: int) -> int:
    for index, rule in enumerate(rules):
        if int(rule.get("priority", 0)) == priority:
            return index
    noun = _NOUNS.get(place.collection, "policy")
    raise refused("priority", priority, f"The {noun} does not contain a rule at priority {priority}.")


def _rule(call: Call, place: Place, body: Json) -> Json:
    schema = call.api.schema(call.method.request)
    rule: Json = completed(call, schema, accepted(call.api, schema, body), place.project)
    return rule


def add_rule(call: Call) -> Answer:
    place, stored, rules = _at(call)
    priority = _priority(call)
    if any(int(rule.get("priority", 0)) == priority for rule in rules):
        noun = _NOUNS.get(place.collection, "policy")
        raise refused("priority", priority, f"The {noun} already contains a rule at priority {priority}.")
    added = _rule(call, place, {**call.body, "priority": priority})
    return engine.changed_to(call, place, stored, {**stored, "rules": [*rules, added]})


def patch_rule(call: Call) -> Answer:
    place, stored, rules = _at(call)
    index = _index(place, rules, _priority(call))
    sent = {key: value for key, value in call.body.items() if key != "priority" or not call.query("priority")}
    rules[index] = _rule(call, place, {**rules[index], **sent})
    return engine.changed_to(call, place, stored, {**stored, "rules": rules})


def remove_rule(call: Call) -> Answer:
    place, stored, rules = _at(call)
    del rules[_index(place, rules, _priority(call))]
    return engine.changed_to(call, place, stored, {**stored, "rules": rules})


def get_rule(call: Call) -> Answer:
    place, _, rules = _at(call)
    return engine.visible(call, rules[_index(place, rules, _priority(call))])


# --- associations of firewall policies -------------------------------------------------------------------------


def add_association(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    target = str(call.body.get("attachmentTarget", ""))
    name = str(call.body.get("name") or target.rsplit("/", 1)[-1])
    if not target:
        raise GoogleError(400, "Required field 'resource.attachmentTarget' not specified", reason="required")
    kept = [one for one in stored.get("associations", []) if one["name"] != name]
    if len(kept) != len(stored.get("associations", [])) and not call.flag("replaceExistingAssociation"):
        said = f"An association with that name {name} already exists."
        raise GoogleError(400, said, reason="invalid")
    row = {"name": name, "attachmentTarget": target, "firewallPolicyId": str(stored["id"])}
    if stored.get("shortName"):
        row |= {"shortName": stored["shortName"], "displayName": stored["shortName"]}
    return engine.changed_to(call, place, stored, {**stored, "associations": [*kept, row]})


def get_association(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    for row in stored.get("associations", []):
        if row["name"] == call.query("name"):
            return engine.visible(call, row)
    raise GoogleError(404, f"The association '{call.query('name')}' of '{place.path}' was not found", reason="notFound")


def remove_association(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    get_association(call)
    kept = [row for row in stored.get("associations", []) if row["name"] != call.query("name")]
    return engine.changed_to(call, place, stored, {**stored, "associations": kept})


def list_associations(call: Call) -> Answer:
    """The associations of one organisation or folder, over all policies."""
    found = [
        association
        for _, row in call.state.scan(f"compute.{place_of(call).collection}/locations/global/")
        for association in row.get("associations", [])
        if str(association.get("attachmentTarget", "")).endswith(call.query("targetResource"))
    ]
    schema = call.api.schema(call.method.response)["properties"]
    result: Json = {"kind": schema.get("kind", {}).get("default", "compute#list")}
    return result | ({"associations": found} if found else {})


def clone_rules(call: Call) -> Answer:
    """Take over all rules of another policy."""
    place, stored = engine.load(call, place_of(call))
    wanted = (call.query("sourceFirewallPolicy") or call.query("sourceSecurityPolicy")).removeprefix(
        "https://www.googleapis.com/compute/v1/"
    )
    name = wanted.rsplit("/", 1)[-1]
    _, source = engine.load(call, place.named(name))
    return engine.changed_to(call, place, stored, {**stored, "rules": source.get("rules", [])})


# --- the policies of an organisation ---------------------------------------------------------------------------


def insert_policy(call: Call) -> Answer:
    """A policy of an organisation or folder: the server gives it a number for a name."""
    parent = str(call.query("parentId") or call.body.get("parent", ""))
    if not parent.startswith(("organizations/", "folders/")):
        raise refused("parentId", parent, "Must be an organization or a folder.")
    short = str(call.body.get("shortName") or call.body.get("displayName") or "")
    if not short:
        raise GoogleError(400, "Required field 'resource.shortName' not specified", reason="required")
    place = place_of(call)
    for _, row in call.state.scan(f"compute.{place.collection}/locations/global/"):
        if (row.get("parent"), row.get("shortName")) == (parent, short):
            said = f"A {_NOUNS[place.collection]} with the short name '{short}' already exists in '{parent}'."
            raise GoogleError(409, said, reason="alreadyExists")
    body = accepted(call.api, call.api.schema(call.method.request), call.body)
    return engine.insert_as(call, place, {**body, "parent": parent, "shortName": short, "displayName": short})


def list_policies(call: Call) -> Answer:
    """The policies of one organisation or folder."""
    place = place_of(call)
    rows = call.state.scan(f"compute.{place.collection}/locations/global/")
    found = [row for _, row in rows if row.get("parent") == call.query("parentId")]
    schema = call.api.schema(call.method.response)["properties"]
    result: Json = {"kind": schema.get("kind", {}).get("default", "compute#list"), "id": place.path}
    return result | ({"items": [engine.visible(call, row) for row in found]} if found else {})


def move_policy(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    return engine.changed_to(call, place, stored, {**stored, "parent": call.query("parentId")})


def _table() -> dict[str, Behaviour]:
    rules: dict[str, Behaviour] = {
        "addRule": add_rule, "patchRule": patch_rule, "removeRule": remove_rule, "getRule": get_rule,
    }  # fmt: skip
    bonds: dict[str, Behaviour] = {
        "addAssociation": add_association, "getAssociation": get_association, "removeAssociation": remove_association,
        "cloneRules": clone_rules,
    }  # fmt: skip
    policies = ("firewallPolicies", "networkFirewallPolicies", "regionNetworkFirewallPolicies")
    found: dict[str, Behaviour] = {"compute.organizationSecurityPolicies.copyRules": clone_rules}
    for owner in ("firewallPolicies", "organizationSecurityPolicies"):
        found |= {
            f"compute.{owner}.insert": insert_policy,
            f"compute.{owner}.list": list_policies,
            f"compute.{owner}.move": move_policy,
            f"compute.{owner}.listAssociations": list_associations,
        }
    for owner in (*policies, "securityPolicies", "regionSecurityPolicies", "organizationSecurityPolicies"):
        found |= {f"compute.{owner}.{name}": behaviour for name, behaviour in rules.items()}
    for owner in (*policies, "organizationSecurityPolicies"):
        found |= {f"compute.{owner}.{name}": behaviour for name, behaviour in bonds.items()}
    return found


METHODS = _table()
