"""`builds:submit`: source in a bucket becomes an image, by a build of Cloud Build in the same region."""

from __future__ import annotations

from dataclasses import replace

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.services.cloudbuild import builds
from reconciler.localcloud.services.run.rules import refusal
from reconciler.localcloud.values import Json

_BUILDER = "gcr.io/buildpacks/builder:latest"
_WHERE = "Violation in SubmitBuildRequest"


def _submit(call: Call) -> Answer:
    """Answers the operation of Cloud Build, which is polled there (discovery document)."""
    body = call.body
    for field, name in (("imageUri", "image_uri"), ("storageSource", "storage_source")):
        if not body.get(field):
            raise refusal(f"{_WHERE}.{name}", "required field not present.")
    if ("dockerBuild" in body) == ("buildpackBuild" in body):
        raise refusal(_WHERE, "one and only one of buildpack_build and docker_build must be set.")
    pool = {"pool": {"name": body["workerPool"]}} if body.get("workerPool") else {}
    build: Json = {
        "steps": [_step(body)], "images": [body["imageUri"]], "source": {"storageSource": body["storageSource"]},
        "tags": body.get("tags"), "serviceAccount": body.get("serviceAccount"),
        # An account of one's own has no bucket for logs, and Cloud Build insists on a place for them.
        "options": {"logging": "CLOUD_LOGGING_ONLY", **pool},
    }  # fmt: skip
    wanted = {name: value for name, value in build.items() if value}
    operation = builds.submit(replace(call, service="cloudbuild"), wanted)
    base = (body.get("buildpackBuild") or {}).get("baseImage")
    return {"buildOperation": operation} | ({"baseImageUri": base} if base else {})


def _step(body: Json) -> Json:
    if "dockerBuild" in body:
        args = ["build", "--network", "cloudbuild", "--no-cache", "-t", body["imageUri"], "."]
        return {"name": "gcr.io/cloud-builders/docker", "args": args}
    variables = (body["buildpackBuild"] or {}).get("environmentVariables") or {}
    env = [word for name, value in sorted(variables.items()) for word in ("--env", f"{name}={value}")]
    pack = ["build", body["imageUri"], "--builder", _BUILDER, "--network", "cloudbuild", *env]
    return {"name": "gcr.io/k8s-skaffold/pack", "entrypoint": "pack", "args": pack}


METHODS: dict[str, Behaviour] = {"run.projects.locations.builds.submit": _submit}
