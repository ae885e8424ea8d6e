"""Predefined roles that a WordPress fleet meets, with enough of their permissions to be recognised.

Names and titles from https://cloud.google.com/iam/docs/roles-permissions; the permissions are a part of the real ones.
"""

from __future__ import annotations

# role: (title, permissions); a permission ending in `.*` stands for the verbs in VERBS.
VERBS = ("create", "delete", "get", "list", "update")
PREDEFINED: dict[str, tuple[str, tuple[str, ...]]] = {
    "roles/owner": ("Owner", ("resourcemanager.projects.*", "resourcemanager.projects.setIamPolicy")),
    "roles/editor": ("Editor", ("run.services.*", "storage.buckets.*", "cloudsql.instances.*")),
    "roles/viewer": ("Viewer", ("run.services.get", "run.services.list", "storage.buckets.list")),
    "roles/browser": ("Browser", ("resourcemanager.projects.get", "resourcemanager.folders.get")),
    "roles/artifactregistry.admin": ("Artifact Registry Administrator", ("artifactregistry.repositories.*",)),
    "roles/artifactregistry.reader": (
        "Artifact Registry Reader",
        ("artifactregistry.repositories.downloadArtifacts", "artifactregistry.repositories.get"),
    ),
    "roles/artifactregistry.writer": (
        "Artifact Registry Writer",
        ("artifactregistry.repositories.downloadArtifacts", "artifactregistry.repositories.uploadArtifacts"),
    ),
    "roles/billing.admin": ("Billing Account Administrator", ("billing.accounts.*", "billing.budgets.*")),
    "roles/billing.projectManager": ("Project Billing Manager", ("resourcemanager.projects.createBillingAssignment",)),
    "roles/billing.user": ("Billing Account User", ("billing.resourceAssociations.create",)),
    "roles/billing.viewer": ("Billing Account Viewer", ("billing.accounts.get", "billing.budgets.list")),
    "roles/cloudasset.viewer": ("Cloud Asset Viewer", ("cloudasset.assets.listResource", "cloudasset.feeds.list")),
    "roles/cloudbuild.builds.builder": (
        "Cloud Build Service Account",
        ("cloudbuild.builds.*", "logging.logEntries.create", "storage.objects.*"),
    ),
    "roles/cloudbuild.builds.editor": ("Cloud Build Editor", ("cloudbuild.builds.*",)),
    "roles/cloudkms.cryptoKeyEncrypterDecrypter": (
        "Cloud KMS CryptoKey Encrypter/Decrypter",
        ("cloudkms.cryptoKeyVersions.useToDecrypt", "cloudkms.cryptoKeyVersions.useToEncrypt"),
    ),
    "roles/cloudscheduler.admin": ("Cloud Scheduler Admin", ("cloudscheduler.jobs.*",)),
    "roles/cloudsql.admin": ("Cloud SQL Admin", ("cloudsql.databases.*", "cloudsql.instances.*", "cloudsql.users.*")),
    "roles/cloudsql.client": ("Cloud SQL Client", ("cloudsql.instances.connect", "cloudsql.instances.get")),
    "roles/cloudsql.editor": ("Cloud SQL Editor", ("cloudsql.instances.get", "cloudsql.instances.update")),
    "roles/cloudsql.instanceUser": ("Cloud SQL Instance User", ("cloudsql.instances.get", "cloudsql.instances.login")),
    "roles/cloudsql.viewer": ("Cloud SQL Viewer", ("cloudsql.instances.get", "cloudsql.instances.list")),
    "roles/compute.admin": ("Compute Admin", ("compute.addresses.*", "compute.networks.*", "compute.urlMaps.*")),
    "roles/compute.instanceAdmin.v1": ("Compute Instance Admin (v1)", ("compute.disks.*", "compute.instances.*")),
    "roles/compute.loadBalancerAdmin": ("Compute Load Balancer Admin", ("compute.backendServices.*",)),
    "roles/compute.networkAdmin": ("Compute Network Admin", ("compute.networks.*", "compute.subnetworks.*")),
    "roles/compute.networkUser": ("Compute Network User", ("compute.networks.use", "compute.subnetworks.use")),
    "roles/compute.securityAdmin": ("Compute Security Admin", ("compute.firewalls.*", "compute.securityPolicies.*")),
    "roles/compute.viewer": ("Compute Viewer", ("compute.instances.get", "compute.networks.list")),
    "roles/dns.admin": ("DNS Administrator", ("dns.changes.create", "dns.managedZones.*")),
    "roles/iam.organizationRoleAdmin": ("Organization Role Administrator", ("iam.roles.*",)),
    "roles/iam.roleAdmin": ("Role Administrator", ("iam.roles.*",)),
    "roles/iam.securityAdmin": ("Security Admin", ("resourcemanager.projects.setIamPolicy",)),
    "roles/iam.securityReviewer": ("Security Reviewer", ("resourcemanager.projects.getIamPolicy",)),
    "roles/iam.serviceAccountAdmin": ("Service Account Admin", ("iam.serviceAccounts.*",)),
    "roles/iam.serviceAccountCreator": ("Create Service Accounts", ("iam.serviceAccounts.create",)),
    "roles/iam.serviceAccountKeyAdmin": ("Service Account Key Admin", ("iam.serviceAccountKeys.*",)),
    "roles/iam.serviceAccountOpenIdTokenCreator": (
        "Service Account OpenID Connect Identity Token Creator",
        ("iam.serviceAccounts.getOpenIdToken",),
    ),
    "roles/iam.serviceAccountTokenCreator": (
        "Service Account Token Creator",
        ("iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt"),
    ),
    "roles/iam.serviceAccountUser": ("Service Account User", ("iam.serviceAccounts.actAs", "iam.serviceAccounts.get")),
    "roles/iam.serviceAccountViewer": (
        "View Service Accounts",
        ("iam.serviceAccounts.get", "iam.serviceAccounts.list"),
    ),
    "roles/iam.workloadIdentityPoolAdmin": (
        "IAM Workload Identity Pool Admin",
        ("iam.workloadIdentityPools.*", "iam.workloadIdentityPoolProviders.*"),
    ),
    "roles/iam.workloadIdentityUser": ("Workload Identity User", ("iam.serviceAccounts.getAccessToken",)),
    "roles/logging.logWriter": ("Logs Writer", ("logging.logEntries.create",)),
    "roles/logging.viewer": ("Logs Viewer", ("logging.logEntries.list", "logging.logs.list")),
    "roles/monitoring.editor": ("Monitoring Editor", ("monitoring.alertPolicies.*", "monitoring.dashboards.*")),
    "roles/monitoring.metricWriter": ("Monitoring Metric Writer", ("monitoring.timeSeries.create",)),
    "roles/monitoring.viewer": ("Monitoring Viewer", ("monitoring.alertPolicies.list", "monitoring.timeSeries.list")),
    "roles/orgpolicy.policyAdmin": (
        "Organization Policy Administrator",
        ("orgpolicy.policy.get", "orgpolicy.policy.set"),
    ),
    "roles/pubsub.admin": ("Pub/Sub Admin", ("pubsub.subscriptions.*", "pubsub.topics.*")),
    "roles/pubsub.publisher": ("Pub/Sub Publisher", ("pubsub.topics.publish",)),
    "roles/pubsub.subscriber": ("Pub/Sub Subscriber", ("pubsub.subscriptions.consume",)),
    "roles/redis.admin": ("Cloud Memorystore Redis Admin", ("redis.instances.*",)),
    "roles/resourcemanager.folderAdmin": ("Folder Admin", ("resourcemanager.folders.*",)),
    "roles/resourcemanager.folderEditor": (
        "Folder Editor",
        ("resourcemanager.folders.get", "resourcemanager.folders.update"),
    ),
    "roles/resourcemanager.organizationAdmin": (
        "Organization Administrator",
        ("resourcemanager.organizations.setIamPolicy",),
    ),
    "roles/resourcemanager.projectCreator": ("Project Creator", ("resourcemanager.projects.create",)),
    "roles/resourcemanager.projectDeleter": ("Project Deleter", ("resourcemanager.projects.delete",)),
    "roles/resourcemanager.projectIamAdmin": ("Project IAM Admin", ("resourcemanager.projects.setIamPolicy",)),
    "roles/resourcemanager.tagAdmin": (
        "Tag Administrator",
        ("resourcemanager.tagKeys.*", "resourcemanager.tagValues.*"),
    ),
    "roles/resourcemanager.tagUser": ("Tag User", ("resourcemanager.tagValueBindings.create",)),
    "roles/run.admin": ("Cloud Run Admin", ("run.jobs.*", "run.services.*", "run.services.setIamPolicy")),
    "roles/run.developer": ("Cloud Run Developer", ("run.jobs.*", "run.services.*")),
    "roles/run.invoker": ("Cloud Run Invoker", ("run.jobs.run", "run.routes.invoke")),
    "roles/run.viewer": ("Cloud Run Viewer", ("run.jobs.list", "run.services.list")),
    "roles/secretmanager.admin": ("Secret Manager Admin", ("secretmanager.secrets.*", "secretmanager.versions.*")),
    "roles/secretmanager.secretAccessor": ("Secret Manager Secret Accessor", ("secretmanager.versions.access",)),
    "roles/secretmanager.secretVersionAdder": ("Secret Manager Secret Version Adder", ("secretmanager.versions.add",)),
    "roles/secretmanager.secretVersionManager": (
        "Secret Manager Secret Version Manager",
        ("secretmanager.versions.*",),
    ),
    "roles/secretmanager.viewer": (
        "Secret Manager Viewer",
        ("secretmanager.secrets.get", "secretmanager.secrets.list"),
    ),
    "roles/servicenetworking.networksAdmin": ("Service Networking Admin", ("servicenetworking.services.addPeering",)),
    "roles/serviceusage.serviceUsageAdmin": (
        "Service Usage Admin",
        ("serviceusage.services.enable", "serviceusage.services.disable", "serviceusage.quotas.get"),
    ),
    "roles/serviceusage.serviceUsageConsumer": ("Service Usage Consumer", ("serviceusage.services.use",)),
    "roles/storage.admin": ("Storage Admin", ("storage.buckets.*", "storage.objects.*")),
    "roles/storage.legacyBucketOwner": (
        "Storage Legacy Bucket Owner",
        ("storage.buckets.get", "storage.objects.create"),
    ),
    "roles/storage.legacyBucketReader": (
        "Storage Legacy Bucket Reader",
        ("storage.buckets.get", "storage.objects.list"),
    ),
    "roles/storage.objectAdmin": ("Storage Object Admin", ("storage.objects.*",)),
    "roles/storage.objectCreator": ("Storage Object Creator", ("storage.objects.create",)),
    "roles/storage.objectUser": ("Storage Object User", ("storage.objects.*",)),
    "roles/storage.objectViewer": ("Storage Object Viewer", ("storage.objects.get", "storage.objects.list")),
    "roles/vpcaccess.user": ("Serverless VPC Access User", ("vpcaccess.connectors.use",)),
    "roles/workflows.admin": ("Workflows Admin", ("workflows.executions.*", "workflows.workflows.*")),
    "roles/workflows.invoker": ("Workflows Invoker", ("workflows.executions.create",)),
}


def permissions_of(role: str) -> list[str]:
    found: set[str] = set()
    for permission in PREDEFINED[role][1]:
        base = permission.removesuffix(".*")
        found |= {f"{base}.{verb}" for verb in VERBS} if base != permission else {permission}
    return sorted(found)
