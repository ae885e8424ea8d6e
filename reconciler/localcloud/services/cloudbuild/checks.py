"""What Cloud Build refuses in a build, in the words of Google's own cloud-build-local (validate/validate.go)."""

from __future__ import annotations

from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.values import Json

_LONGEST = 86_400.0
_NO_LOGS = (
    "if 'build.service_account' is specified, the build must either (a) specify 'build.logs_bucket', (b) use the "
    "REGIONAL_USER_OWNED_BUCKET build.options.default_logs_bucket_behavior option, or (c) use either "
    "CLOUD_LOGGING_ONLY / NONE logging options"
)


def refused(message: str, *, plain: bool = False) -> GoogleError:
    return invalid(message if plain else f"invalid build: {message}")


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s") or 0)


def check(build: Json) -> None:
    """GoogleError 400 for the first thing that is wrong with a build."""
    limit = _timeout(build)
    _artifacts(build)
    steps = build.get("steps") or []
    if not steps:
        raise refused("invalid .steps field: no build steps are specified")
    if len(steps) > 300:
        raise refused("invalid .steps field: cannot specify more than 300 build steps")
    known = {"-"}
    for index, step in enumerate(steps):
        _step(index, step, known, limit)
        if step.get("id"):
            known.add(step["id"])
    logging = (build.get("options") or {}).get("logging", "")
    regional = (build.get("options") or {}).get("defaultLogsBucketBehavior") == "REGIONAL_USER_OWNED_BUCKET"
    quiet = logging in ("CLOUD_LOGGING_ONLY", "STACKDRIVER_ONLY", "NONE")
    if build.get("serviceAccount") and not (build.get("logsBucket") or quiet or regional):
        raise refused(_NO_LOGS, plain=True)
    if len(build.get("tags") or []) > 64:
        raise refused("number of tags exceeded (max: 64)")


def _timeout(build: Json) -> float:
    limit = seconds(build.get("timeout") or "0s")
    if limit > _LONGEST:
        raise refused("timeout exceeds the timeout limit of 24h0m0s")
    if limit < 0:
        raise refused("invalid timeout: timeout must be >=0")
    return limit or _LONGEST


def _step(index: int, step: Json, known: set[str], limit: float) -> None:
    prefix = "invalid .steps field: "
    own = step.get("id", "")
    shown = f'build step #{index} - "{own}"' if own else f"build step #{index}"
    if not step.get("name"):
        raise refused(f"{prefix}build step {index} must specify name")
    if len(step.get("args") or []) > 100:
        raise refused(f"{prefix}build step {index} too many args (max: 100)")
    if any(len(arg) > 10_000 for arg in step.get("args") or []):
        raise refused(f"{prefix}build step {index} arg too long (max: 10000)")
    if step.get("script") and (step.get("args") or step.get("entrypoint")):
        raise refused(f"{prefix}build step {index} cannot specify script with args or entrypoint")
    for dependency in step.get("waitFor") or []:
        if dependency not in known:
            raise refused(f'{prefix}{shown} depends on "{dependency}", which has not been defined')
    if own == "-":
        raise refused(
            f'{prefix}{shown}: the ID cannot be "-" which is reserved as a dependency for build steps that should run '
            "first"
        )
    if own in known:
        raise refused(f"{prefix}{shown}: the ID is not unique")
    for entry in step.get("env") or []:
        if "=" not in entry:
            raise refused(
                f'{prefix}build step #{index} - "{own}": the Env entry "{entry}" must be of the form "KEY=VALUE"'
            )
    if seconds(step.get("timeout") or "0s") > limit:
        raise refused(
            f"{prefix}invalid .timeout in build step #{index}: build step timeout {step['timeout']} must be <= build "
            f"timeout {limit:g}s"
        )


def _artifacts(build: Json) -> None:
    """Images may stand in two places and then mean one."""
    images, artifacts = build.get("images") or [], build.get("artifacts") or {}
    if images and artifacts.get("images") and artifacts["images"] != images:
        raise refused("invalid .artifacts field: cannot specify different .images and .artifacts.images")
    if len(images or artifacts.get("images") or []) > 100:
        raise refused("invalid .artifacts field: cannot specify more than 100 images to build")
    objects = artifacts.get("objects")
    if not objects:
        return
    where = objects.get("location", "")
    if not where:
        raise refused("invalid .artifacts field: .artifacts.location field is empty")
    if not where.startswith("gs://"):
        raise refused(
            f'invalid .artifacts field: invalid .artifacts.location value "{where}"; Google Cloud Storage URLs must '
            "begin with 'gs://'"
        )
    if not objects.get("paths"):
        raise refused("invalid .artifacts field: .artifacts.paths field empty")
    doubles = sorted({path for path in objects["paths"] if objects["paths"].count(path) > 1})
    if doubles:
        raise refused(
            "invalid .artifacts field: .artifacts.paths field has duplicate paths; remove duplicates "
            f"[{', '.join(doubles)}]"
        )
