"""What is known of single APIs: which others they need, and the service agent that Google makes for them.

Dependencies as `gcloud services enable` shows them (recalled); agents from
https://cloud.google.com/iam/docs/service-agents and the recordings of generateServiceIdentity.
"""

from __future__ import annotations

# Needed by an API, hence switched on with it.
NEEDS: dict[str, tuple[str, ...]] = {
    "artifactregistry": ("containerregistry",),
    # What gcloud switches on in every project that it makes (cloud.google.com/service-usage/docs/enabled-service).
    "cloudapis": (
        "analyticshub", "bigquery", "bigqueryconnection", "bigquerydatapolicy", "bigquerymigration",
        "bigqueryreservation", "bigquerystorage", "cloudtrace", "dataform", "dataplex", "datastore", "logging",
        "monitoring", "servicemanagement", "serviceusage", "sql-component", "storage", "storage-api",
        "storage-component",
    ),
    "bigquery": ("bigquerymigration", "bigquerystorage"),
    "cloudbuild": ("artifactregistry", "logging", "storage-api"),
    "cloudfunctions": ("cloudbuild", "logging", "pubsub", "storage-api"),
    "compute": ("oslogin",),
    "container": ("artifactregistry", "autoscaling", "compute", "dns", "iam", "logging", "monitoring"),
    "containerregistry": ("pubsub", "storage-api"),
    "datastream": ("compute",),
    "iam": ("iamcredentials",),
    "run": ("artifactregistry",),
    "vpcaccess": ("compute",),
}  # fmt: skip

# The domain of an API's agent `service-<number>@<domain>.iam.gserviceaccount.com` where it is not gcp-sa-<api>.
_DOMAINS = {
    "batch": "gcp-sa-cloudbatch", "cloudfunctions": "gcf-admin-robot", "composer": "cloudcomposer-accounts",
    "compute": "compute-system", "container": "container-engine-robot", "containeranalysis": "container-analysis",
    "containerregistry": "containerregistry", "dataflow": "dataflow-service-producer-prod",
    "dataproc": "dataproc-accounts", "developerconnect": "gcp-sa-devconnect", "file": "cloud-filer",
    "memcache": "cloud-memcache-sa", "monitoring": "gcp-sa-monitoring-notification",
    "multiclusterservicediscovery": "gcp-sa-mcsd", "redis": "cloud-redis", "run": "serverless-robot-prod",
    "servicenetworking": "service-networking", "sourcerepo": "sourcerepo-service-accounts",
    "sqladmin": "gcp-sa-cloud-sql", "storage": "gs-project-accounts", "storagetransfer": "storage-transfer-service",
    "tpu": "cloud-tpu",
}  # fmt: skip
# APIs whose identity is told without an address (recordings, for bigquery).
WITHOUT_ADDRESS = frozenset({"bigquery", "compute"})

# The role in the project that an API's agent gets when the API is switched on: `roles/<api>.serviceAgent` for those in
# _AGENTS, as the recorded policies of projects with these APIs on have them, and another name for a few.
_AGENTS = frozenset({
    "aiplatform", "alloydb", "anthosconfigmanagement", "apigateway", "artifactregistry", "backupdr", "batch",
    "cloudaicompanion", "cloudasset", "cloudbuild", "clouddeploy", "cloudfunctions", "cloudkms", "cloudscheduler",
    "composer", "compute", "container", "dataflow", "dataproc", "datastream", "developerconnect", "discoveryengine",
    "eventarc", "gkehub", "healthcare", "krmapihosting", "logging", "memcache", "multiclusteringress",
    "multiclusterservicediscovery", "networkconnectivity", "notebooks", "pubsub", "redis", "run", "servicenetworking",
    "sourcerepo", "vpcaccess", "workflows",
})  # fmt: skip
_OTHER_ROLES = {
    "config": "roles/cloudconfig.serviceAgent", "containeranalysis": "roles/containeranalysis.ServiceAgent",
    "containerregistry": "roles/containerregistry.ServiceAgent",
    "containerscanning": "roles/containerscanning.ServiceAgent",
    "monitoring": "roles/monitoring.notificationServiceAgent",
}  # fmt: skip

# APIs that have no discovery document, and their titles as `gcloud services list` shows them (recalled; "": not known).
WITHOUT_DOCUMENT = {
    "autoscaling": "Cloud Autoscaling API", "bigquerymigration": "BigQuery Migration API",
    "bigquerystorage": "BigQuery Storage API", "cloudapis": "Google Cloud APIs",
    "containerregistry": "Container Registry API", "containerscanning": "Container Scanning API",
    "dataform": "Dataform API", "dataplex": "Cloud Dataplex API", "datastudio": "", "edgecache": "",
    "gkebackup": "Backup for GKE API", "networkconnectivity": "Network Connectivity API",
    "sourcerepo": "Cloud Source Repositories API", "sql-component": "Cloud SQL", "stackdriver": "Stackdriver API",
    "storage-api": "Google Cloud Storage JSON API", "storage-component": "Cloud Storage",
}  # fmt: skip


def agent(service: str, number: str) -> str:
    return f"service-{number}@{_DOMAINS.get(service, f'gcp-sa-{service}')}.iam.gserviceaccount.com"


def role_of(service: str) -> str:
    """The role of an API's agent in the project; empty if it gets none."""
    return f"roles/{service}.serviceAgent" if service in _AGENTS else _OTHER_ROLES.get(service, "")


def with_needs(services: list[str]) -> list[str]:
    """The services and all that they need, each once, what was asked for first."""
    found = list(services)
    for service in found:
        found.extend(need for need in NEEDS.get(service, ()) if need not in found)
    return found


def needing(service: str, candidates: list[str]) -> list[str]:
    """Those of the candidates that need `service`, directly or not."""
    return [one for one in candidates if one != service and service in with_needs([one])]
