"""Autoscalers keep the size of their managed group within bounds. Nothing here measures any load."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.services.compute import engine, tending
from reconciler.localcloud.services.compute.crew import Crew, crew_at
from reconciler.localcloud.services.compute.places import STORED, Place, key_of, place_of
from reconciler.localcloud.values import Json


def scaling(perform: Callable[[Call], Answer]) -> Behaviour:
    """A change of an autoscaler, after which its group keeps to the new bounds."""

    def answer(call: Call) -> Answer:
        place = place_of(call)
        name = place.name or call.query("autoscaler") or str(call.body.get("name", ""))
        place = place.named(name)
        before = call.state.get(key_of(call.state, place))
        done = perform(call)
        after = call.state.get(key_of(call.state, place))
        for row in (before, after):
            target = _target(call, row)
            if target is not None:
                _bounded(call, target, place, after)
        return done

    return answer


def _target(call: Call, scaler: Json | None) -> Crew | None:
    path = str((scaler or {}).get("target", "")).removeprefix(STORED)
    parent, _, name = path.rpartition("/instanceGroupManagers/")
    return crew_at(call, Place(parent, "instanceGroupManagers", name)) if parent else None


def _bounded(call: Call, crew: Crew, place: Place, scaler: Json | None) -> None:
    status = crew.group.setdefault("status", {})
    if scaler is None or scaler["target"] != crew.place.link:
        status.pop("autoscaler", None)
        return tending.keep(crew)
    policy = scaler["autoscalingPolicy"]
    status["autoscaler"] = place.link
    size = int(crew.group["targetSize"])
    bounded = max(int(policy["minNumReplicas"]), min(int(policy["maxNumReplicas"]), size))
    call.state.put(key_of(call.state, place), scaler | {"recommendedSize": bounded})
    if policy.get("mode") != "OFF" and (bounded >= size or policy.get("mode") == "ON"):
        crew.group["targetSize"] = bounded
    return tending.go_on(crew)


METHODS: dict[str, Behaviour] = {
    f"compute.{name}.{verb}": scaling(perform) for name in ("autoscalers", "regionAutoscalers")
    for verb, perform in (("insert", engine.insert), ("patch", engine.change), ("update", engine.change),
                          ("delete", engine.delete))
}  # fmt: skip
