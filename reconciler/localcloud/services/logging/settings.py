"""Settings of a parent, and the kinds of resources that write logs."""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.services.logging.names import key, number, writer
from reconciler.localcloud.values import Json

# A part of https://cloud.google.com/logging/docs/api/v2/resource-list: type, name, labels.
_RESOURCES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("build", "Cloud Build", ("project_id", "build_id", "build_trigger_id")),
    ("cloud_run_job", "Cloud Run Job", ("project_id", "job_name", "location")),
    ("cloud_run_revision", "Cloud Run Revision",
     ("project_id", "service_name", "revision_name", "location", "configuration_name")),
    ("cloud_scheduler_job", "Cloud Scheduler Job", ("project_id", "location", "job_id")),
    ("cloudsql_database", "Cloud SQL Database", ("project_id", "database_id", "region")),
    ("gce_instance", "VM Instance", ("project_id", "instance_id", "zone")),
    ("gcs_bucket", "GCS Bucket", ("project_id", "bucket_name", "location")),
    ("global", "Global", ("project_id",)),
    ("http_load_balancer", "Cloud HTTP Load Balancer",
     ("project_id", "forwarding_rule_name", "url_map_name", "target_proxy_name", "backend_service_name", "zone")),
    ("project", "Google Project", ("project_id",)),
    ("pubsub_subscription", "Cloud Pub/Sub Subscription", ("project_id", "subscription_id")),
    ("pubsub_topic", "Cloud Pub/Sub Topic", ("project_id", "topic_id")),
    ("service_account", "Service Account", ("project_id", "email_id", "unique_id")),
)  # fmt: skip


def _descriptors(call: Call) -> Answer:
    del call
    found = [
        {
            "type": own, "displayName": shown, "name": f"monitoredResourceDescriptors/{own}",
            "labels": [{"key": label, "description": label.replace("_", " ")} for label in labels],
        }
        for own, shown, labels in _RESOURCES
    ]  # fmt: skip
    return {"resourceDescriptors": found}


def _parent(call: Call) -> str:
    return call.subject.removesuffix("/settings").removesuffix("/cmekSettings")


def _settings(call: Call) -> Json:
    parent = _parent(call)
    stored = call.state.get(key(call, f"{parent}/settings/one")) or {}
    shown = projects.with_id(call.state, parent)
    mail = f"cmek-{'p' if parent.startswith('projects/') else ''}{number(call, parent)}"
    return {
        **stored, "name": f"{shown}/settings", "loggingServiceAccountId": writer(call, parent),
        "kmsServiceAccountId": f"{mail}@gcp-sa-logging.iam.gserviceaccount.com",
    }  # fmt: skip


def _get(call: Call) -> Answer:
    return _settings(call)


def _get_cmek(call: Call) -> Answer:
    found = _settings(call)
    row = {
        "name": found["name"].replace("/settings", "/cmekSettings"),
        "serviceAccountId": found["kmsServiceAccountId"],
    }
    return row | ({"kmsKeyName": found["kmsKeyName"]} if found.get("kmsKeyName") else {})


def _update(call: Call) -> Answer:
    path = key(call, f"{_parent(call)}/settings/one")
    call.state.put(path, masked(call.state.get(path) or {}, call.body, call.query("updateMask")))
    return _get_cmek(call) if call.method.name == "updateCmekSettings" else _settings(call)


METHODS: dict[str, Behaviour] = {"logging.monitoredResourceDescriptors.list": _descriptors}
for _kind in ("billingAccounts.", "folders.", "organizations.", "projects."):
    METHODS |= {f"logging.{_kind}getSettings": _get, f"logging.{_kind}getCmekSettings": _get_cmek}
METHODS |= {
    "logging.folders.updateSettings": _update, "logging.organizations.updateSettings": _update,
    "logging.organizations.updateCmekSettings": _update, "logging.getSettings": _get,
    "logging.getCmekSettings": _get_cmek, "logging.updateSettings": _update,
    "logging.updateCmekSettings": _update,
}  # fmt: skip
