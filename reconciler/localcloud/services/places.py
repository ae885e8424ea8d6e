"""The regions that every service has: `projects.locations` of any API (google.cloud.location.Locations)."""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import not_found
from reconciler.localcloud.values import Json

# https://cloud.google.com/about/locations, those of 2025; zones are a, b, c but for a few.
REGIONS = (
    "africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1",
    "asia-south2", "asia-southeast1", "asia-southeast2", "australia-southeast1", "australia-southeast2",
    "europe-central2", "europe-north1", "europe-southwest1", "europe-west1", "europe-west10", "europe-west12",
    "europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8", "europe-west9", "me-central1",
    "me-central2", "me-west1", "northamerica-northeast1", "northamerica-northeast2", "southamerica-east1",
    "southamerica-west1", "us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2",
    "us-west3", "us-west4",
)  # fmt: skip


def answer(call: Call) -> Answer:
    """`projects.locations.list` and `.get`. Raises GoogleError 404 for a place that does not exist."""
    if call.method.name == "list":
        parent = projects.with_id(call.state, call.subject.removesuffix("/locations"))
        return {"locations": [_shown(f"{parent}/locations/{region}") for region in (*REGIONS, "global")]}
    name = projects.with_id(call.state, call.subject)
    if name.rsplit("/", 1)[-1] not in (*REGIONS, "global"):
        raise not_found(f"Location {name.rsplit('/', 1)[-1]} is not found.")
    return _shown(name)


def _shown(name: str) -> Json:
    own = name.rsplit("/", 1)[-1]
    return {"name": name, "locationId": own, "labels": {"cloud.googleapis.com/region": own}}
