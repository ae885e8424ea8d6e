"""What Google offers in a zone or region, read-only: machine types, disk types, accelerators; and public images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.compute import catalogue, engine, filters, public_images
from reconciler.localcloud.services.compute.places import STORED, Place, place_of
from reconciler.localcloud.services.compute.sources import in_family
from reconciler.localcloud.services.compute.world import REGIONS, zones
from reconciler.localcloud.values import Json

# The body of an offer by its place; None where there is no such offer.
Offer = Callable[[Place], Json | None]


def _machine(place: Place) -> Json | None:
    return catalogue.machine_type_body(place.name, place.scope.rsplit("/", 1)[-1], place.link)


def _disk(place: Place) -> Json | None:
    home, region = STORED + place.parent, place.scope.startswith("regions/")
    return catalogue.disk_type_body(place.name, "" if region else home, home if region else "", place.link)


def _accelerator(place: Place) -> Json | None:
    return catalogue.accelerator_body(place.name, STORED + place.parent, place.link)


_OFFERS: dict[str, tuple[Offer, Callable[[], Iterable[str]]]] = {
    "machineTypes": (_machine, catalogue.machine_types),
    "diskTypes": (_disk, catalogue.DISK_TYPES.__iter__),
    "acceleratorTypes": (_accelerator, catalogue.ACCELERATORS.__iter__),
}


def _known(place: Place) -> bool:
    word, _, name = place.scope.partition("/")
    return name in (zones() if word == "zones" else REGIONS)


def get(call: Call) -> Answer:
    place = place_of(call)
    found = _OFFERS[place.collection][0](place) if _known(place) else None
    if found is None:
        raise engine.missing(place)
    return engine.visible(call, found)


def listed(call: Call) -> Answer:
    """list and aggregatedList of one collection."""
    place = place_of(call)
    if place.parent.endswith("/aggregated"):
        return _page(call, place, (row for zone in sorted(zones()) for row in _all(_in(place, zone))))
    if not _known(place):
        raise engine.missing(Place("/".join(place.parent.split("/")[:2]), *place.scope.split("/")))
    return _page(call, place, _all(place))


def _in(place: Place, zone: str) -> Place:
    return Place(f"projects/{place.project}/zones/{zone}", place.collection)


def _all(place: Place) -> Iterator[Json]:
    body, names = _OFFERS[place.collection]
    for name in names():
        found = body(place.named(name))
        if found:
            yield found


def _page(call: Call, place: Place, rows: Iterable[Json]) -> Answer:
    start, wanted = generic.start_of(call), filters.compiled(call)
    keyed = ((str(row["selfLink"]), row) for row in rows)
    after = ((key, row) for key, row in keyed if key > start and wanted(row))
    found, token = generic.page(call, after, 500, 500)
    return filters.answered(call, place, found, token)


# --- images ------------------------------------------------------------------------------------------------------


def image(call: Call) -> Answer:
    place = place_of(call)
    found = public_images.image(place.project, place.name, STORED)
    return engine.visible(call, found or engine.load(call, place)[1])


def images(call: Call) -> Answer:
    place = place_of(call)
    if place.project in public_images.PROJECTS:
        return _page(call, place, sorted(public_images.images(place.project, STORED), key=lambda row: str(row["name"])))
    return engine.listed(call)


def newest(call: Call) -> Answer:
    """images.getFromFamily, and imageFamilyViews.get, which wraps the same image."""
    project, family = call.params["project"], call.params["family"]
    found = in_family(call.state, project, family)
    if found is None:
        raise engine.missing(Place(f"projects/{project}/global", "images", f"family/{family}"))
    shown = engine.visible(call, found)
    return {"image": shown} if call.method.response == "ImageFamilyView" else shown


METHODS: dict[str, Behaviour] = {
    "compute.images.get": image, "compute.images.list": images, "compute.images.getFromFamily": newest,
    "compute.imageFamilyViews.get": newest,
    **{f"compute.{name}.{verb}": get if verb == "get" else listed
       for name in _OFFERS for verb in ("get", "list", "aggregatedList")},
    "compute.regionDiskTypes.get": get, "compute.regionDiskTypes.list": listed,
}  # fmt: skip
