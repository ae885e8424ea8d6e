"""How an instance comes into being, whatever asked for it: insert, a replica, a clone or a restore."""

from __future__ import annotations

import random

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending
from reconciler.localcloud.services.servicenetworking import connection_of
from reconciler.localcloud.services.sqladmin import accounts, certificates, networks
from reconciler.localcloud.services.sqladmin.backups import remember_schedule
from reconciler.localcloud.services.sqladmin.defaults import complete
from reconciler.localcloud.services.sqladmin.rules import check_new
from reconciler.localcloud.services.sqladmin.target import fail, key, link, place, project_id
from reconciler.localcloud.values import Json, hexadecimal, milliseconds

_TAKEN = (
    "The Cloud SQL instance already exists. When you delete an instance, you can't reuse the name of the deleted "
    "instance until one week from the deletion date."
)
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def make(call: Call, row: Json) -> Json:
    """Write the new instance of the call, not ready yet, with every default; refuse one that cannot be."""
    own = call.params["instance"]
    if call.state.get(key(place(call))) is not None:
        raise GoogleError(409, _TAKEN, reason="instanceAlreadyExists")
    row = {"settings": {}, **row, "name": own}
    # An on-premises instance is a description of a server elsewhere: it has no machine.
    row["settings"].setdefault("tier", "db-n1-standard-1")
    private = row["settings"].get("ipConfiguration", {}).get("privateNetwork")
    if private:
        network = {**row["settings"]["ipConfiguration"], "privateNetwork": networks.relative(private)}
        row["settings"] = {**row["settings"], "ipConfiguration": network}
    complete(row, project_id(call), milliseconds(call.now))
    row["settings"]["settingsVersion"] = "1"
    check_new(row)
    number = str((projects.find(call.state, call.params["project"]) or {})["number"])
    row |= {
        "state": "PENDING_CREATE",
        "selfLink": link(call, f"instances/{own}"),
        "etag": hexadecimal(call.rng, 64),
        "serviceAccountEmailAddress": f"p{number}-{_letters(call.rng)}@gcp-sa-cloud-sql.iam.gserviceaccount.com",
    }
    call.state.put(key(place(call)), row)
    return row


def _letters(rng: random.Random) -> str:
    return "".join(rng.choice(_ALPHABET) for _ in range(6))


def begin(ending: Ending, row: Json) -> None:
    """A new instance becomes ready: addresses, certificates, its administrator. Or it fails and stays as it is."""
    where, network = ending.args["place"], row["settings"]["ipConfiguration"].get("privateNetwork", "")
    if not ending.failed and network and connection_of(ending.state, network) is None:
        fail(ending, "NETWORK_NOT_PEERED", networks.NOT_PEERED.format(row["project"], row["name"]))
    if ending.failed:
        ending.state.put(key(where), {**row, "state": "FAILED"})
        return
    rng = ending.moment.rng
    row |= {"state": "RUNNABLE", "ipAddresses": networks.addresses(ending.state, row, rng)}
    row |= networks.private_service(row, rng) | {"serverCaCert": certificates.authority(ending.moment, row["name"])}
    ending.state.put(key(where), row)
    remember_schedule(ending, row)
    accounts.install(ending.state, where, row)
