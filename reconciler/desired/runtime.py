"""A tenant's Cloud Run service: what runs, with what, and who may reach it in each state."""

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.desired.author import Draft, root
from reconciler.desired.effective import BUILT_IN, Setting
from reconciler.desired.shard import NETWORK, address_path
from reconciler.desired.site import Site
from reconciler.model.errors import InputError
from reconciler.model.ids import Address
from reconciler.model.resource import Resource
from reconciler.model.spec import State

PORT = 8080
UPLOADS = "/var/www/html/wp-content/uploads"

_CONTAINER = "template.containers[0]"
_ANNOTATION = "aipress.io"


def run_service(site: Site) -> Resource:
    """run.service. Without a domain WordPress gets no WP_HOME: it answers under the host it is asked for.

    Raises InputError when fleet.yaml has no image for the PHP version.
    """
    settings, deleted = site.settings, site.deleted
    image, image_at = _image(site)
    env, env_at = _env(site)
    low, high = (Setting(0, _state_at(site), False), Setting(1, _state_at(site), False)) if _idle(site) else (
        settings.scaling_min, settings.scaling_max,
    )  # fmt: skip
    container = {
        "image": image,
        "ports": [{"containerPort": PORT}],
        "resources": {"limits": {"cpu": settings.cpu.value, "memory": settings.memory.value}, "cpuIdle": True},
        "env": env,
        "volumeMounts": [{"name": "uploads", "mountPath": UPLOADS}] if settings.mount.value else [],
    }
    body = {
        "labels": dict(sorted({**site.author.labels, **_labels(site)}.items())),
        "annotations": _annotations(site),
        "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY" if deleted else "INGRESS_TRAFFIC_ALL",
        "invokerIamDisabled": not deleted,
        "template": {
            "serviceAccount": site.names.project.email(site.names.base),
            "timeout": f"{settings.timeout_seconds.value}s",
            "maxInstanceRequestConcurrency": settings.concurrency.value,
            "scaling": {"minInstanceCount": low.value, "maxInstanceCount": high.value},
            "executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
            "volumes": [_uploads(site)] if settings.mount.value else [],
            "containers": [container],
        },
        "traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}],
    }
    origins = {
        "template.timeout": settings.timeout_seconds.origin,
        "template.maxInstanceRequestConcurrency": settings.concurrency.origin,
        "template.scaling.minInstanceCount": low.origin,
        "template.scaling.maxInstanceCount": high.origin,
        "template.volumes": settings.mount.origin,
        f"{_CONTAINER}.volumeMounts": settings.mount.origin,
        f"{_CONTAINER}.image": image_at,
        f"{_CONTAINER}.resources.limits.cpu": settings.cpu.origin,
        f"{_CONTAINER}.resources.limits.memory": settings.memory.origin,
        **{f"{_CONTAINER}.env[{name}]": at for name, at in env_at.items()},
        **_more_origins(site),
    }
    draft = Draft(body, {path: at for path, at in origins.items() if at != BUILT_IN})
    return site.author.resource(site.address("run.service"), site.names.run(), draft, _after(site))


def _idle(site: Site) -> bool:
    """Suspended or deleted: nothing is kept running, one instance answers."""
    return site.state is not State.ACTIVE


def _state_at(site: Site) -> str:
    return site.tenant.at("spec", "state")


def _after(site: Site) -> Iterable[Address]:
    """A site starts once it can reach its database, read its secret and write its media."""
    yield site.shard.after_api("run")
    yield site.address("iam.service-account")
    for kind in ("sql.grant", "secret.iam", "secret.version"):
        yield site.address(kind)
    if site.settings.mount.value:
        yield site.address("storage.managed-folder.iam")


def _image(site: Site) -> tuple[str, str]:
    """The image, and the line that chose it. `{wordpress}` in fleet.yaml stands for the WordPress version."""
    written = root(site.fleet)
    images, php, version = written.document.spec.images, site.settings.php, site.settings.wordpress
    if site.state is State.SUSPENDED:
        return images.suspended, _state_at(site)
    if php.value not in images.wordpress:
        here = written.at("spec", "images", "wordpress")
        raise InputError(
            f"{php.origin}: there is no base image for PHP {php.value}", f"add it to spec.images.wordpress ({here})"
        )
    at = written.at("spec", "images", "wordpress", php.value) if php.origin == BUILT_IN else php.origin
    return images.wordpress[php.value].replace("{wordpress}", version.value), at


def _labels(site: Site) -> dict[str, str]:
    return {"aipress-state": str(site.state), "aipress-tier": site.tenant.document.spec.tier}


def _annotations(site: Site) -> dict[str, str]:
    """What a person at the console wants to know, and what restarts nothing."""
    spec = site.tenant.document.spec
    texts = {"source-repository": spec.source.repository}
    if spec.source.path:
        texts["source-path"] = spec.source.path
    if site.deleted and spec.deletion:
        texts["deletion-reason"] = spec.deletion.reason
    return {f"{_ANNOTATION}/{key}": text for key, text in sorted(texts.items())}


def _more_origins(site: Site) -> Mapping[str, str]:
    tenant = site.tenant
    state, source = _state_at(site), ("spec", "source")
    return {
        "ingress": state,
        "invokerIamDisabled": state,
        "labels.aipress-state": state,
        "labels.aipress-tier": tenant.at("spec", "tier"),
        f"annotations[{_ANNOTATION}/source-repository]": tenant.at(*source, "repository"),
        f"annotations[{_ANNOTATION}/source-path]": tenant.at(*source, "path"),
        f"annotations[{_ANNOTATION}/deletion-reason]": tenant.at("spec", "deletion", "reason"),
        **site.author.labelled("labels"),
    }


def _uploads(site: Site) -> dict[str, Any]:
    bucket = site.names.bucket.removeprefix("buckets/")
    options = [f"only-dir={site.names.base}"]
    return {"name": "uploads", "gcs": {"bucket": bucket, "readOnly": False, "mountOptions": options}}


def _env(site: Site) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The variables sorted by name, and the line behind each; the platform's own win over written ones."""
    settings = site.settings
    values: dict[str, Setting[Any]] = dict(settings.env)
    values |= {
        "AIPRESS_TENANT": Setting(settings.tenant, "", False),
        "AIPRESS_ENVIRONMENT": Setting(site.environment, "", False),
        "AIPRESS_STATE": Setting(str(site.state), _state_at(site), False),
        "AIPRESS_SOURCE_REF": settings.ref,
        "AIPRESS_WORDPRESS_VERSION": settings.wordpress,
        "WORDPRESS_DB_HOST": Setting(_database_host(site), "", False),
        "WORDPRESS_DB_NAME": Setting(site.names.base, "", False),
        "WORDPRESS_DB_USER": Setting(site.names.base, "", False),
    }
    if settings.domains:
        first = settings.domains[0]
        address = Setting(f"https://{first.value}", first.origin, False)
        values |= {"WP_HOME": address, "WP_SITEURL": address}
        values["AIPRESS_DOMAINS"] = Setting(",".join(d.value for d in settings.domains), first.origin, False)
    rows: list[dict[str, Any]] = [{"name": name, "value": setting.value} for name, setting in values.items()]
    rows = [row for row in rows if row["name"] != "AIPRESS_SECRETS"] + [_secrets(site)]
    at = {name: setting.origin for name, setting in values.items() if setting.origin and name != "AIPRESS_SECRETS"}
    return sorted(rows, key=lambda row: str(row["name"])), at


def _database_host(site: Site) -> dict[str, object]:
    return site.shard.author.ref("sql.instance", "main", address_path(NETWORK))


def _secrets(site: Site) -> dict[str, Any]:
    version = site.author.ref("secret.version", site.environment, "version")
    return {
        "name": "AIPRESS_SECRETS",
        "valueSource": {"secretKeyRef": {"secret": site.names.base, "version": version}},
    }
