"""Cloud SQL, Memorystore and private connections by clients that no one here wrote."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import sqladmin_v1beta4
from googleapiclient.discovery import build

from reconciler.cli.cloud_environment import variables
from tests.localcloud.gcloud import Gcloud, GcloudError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CREATE = ("--tier=db-custom-1-3840", "--region=us-central1")


def test_gcloud_runs_a_database_from_create_to_delete(gcloud: Any, tmp_path: Path) -> None:
    made = gcloud(
        "sql", "instances", "create", "main", "--database-version=MYSQL_8_0", *CREATE, "--backup", "--enable-bin-log"
    )
    assert (made["name"], made["state"]) == ("main", "RUNNABLE")
    gcloud("sql", "instances", "patch", "main", "--tier=db-custom-2-7680", "--database-flags=wait_timeout=60")
    found = gcloud("sql", "instances", "describe", "main")["settings"]
    assert (found["tier"], found["databaseFlags"]) == ("db-custom-2-7680", [{"name": "wait_timeout", "value": "60"}])
    gcloud("sql", "databases", "create", "shop", "--instance=main")
    gcloud("sql", "users", "create", "app", "--instance=main", "--password=x")
    assert {user["name"] for user in gcloud("sql", "users", "list", "--instance=main")} == {"app", "root"}
    gcloud("sql", "backups", "create", "--instance=main", "--description=first")
    assert gcloud("sql", "backups", "list", "--instance=main")[0]["description"] == "first"
    key = tmp_path / "key.pem"
    gcloud("sql", "ssl", "client-certs", "create", "laptop", str(key), "--instance=main")
    assert "PRIVATE KEY" in key.read_text()
    gcloud("sql", "instances", "clone", "main", "twin")
    assert "shop" in {row["name"] for row in gcloud("sql", "databases", "list", "--instance=twin")}
    gcloud("sql", "instances", "restart", "twin")
    gcloud("sql", "instances", "create", "copy", "--master-instance-name=main", *CREATE)
    with pytest.raises(GcloudError, match="not valid for a replication master instance"):
        gcloud("sql", "instances", "delete", "main")
    kinds = {row["operationType"] for row in gcloud("sql", "operations", "list", "--instance=main")}
    assert kinds >= {"CREATE", "UPDATE", "CREATE_DATABASE", "CREATE_USER", "BACKUP_VOLUME"}
    for name in ("copy", "main"):
        gcloud("sql", "instances", "delete", name)
    assert [row["name"] for row in gcloud("sql", "instances", "list")] == ["twin"]


def test_gcloud_exports_and_imports(gcloud: Any, cloud: Any, project: str) -> None:
    cloud.call("POST", f"/storage/storage/v1/b?project={project}", {"name": f"{project}-dumps"})
    gcloud("sql", "instances", "create", "main", "--database-version=POSTGRES_15", "--edition=enterprise", *CREATE)
    gcloud("sql", "databases", "create", "shop", "--instance=main")
    for verb in ("export", "import"):
        gcloud("sql", verb, "sql", "main", f"gs://{project}-dumps/shop.sql.gz", "--database=shop")
    with pytest.raises(GcloudError, match="The specified bucket does not exist"):
        gcloud("sql", "export", "sql", "main", "gs://nobody-has-this-bucket/a.sql.gz")


def test_gcloud_keeps_a_cache(gcloud: Any) -> None:
    place = "--region=us-central1"
    gcloud("redis", "instances", "create", "cache", place, "--size=5", "--tier=standard", "--redis-version=redis_7_0")
    gcloud("redis", "instances", "update", "cache", place, "--size=6", "--update-labels=a=b")
    found = gcloud("redis", "instances", "describe", "cache", place)
    assert (found["memorySizeGb"], found["labels"], found["state"]) == (6, {"a": "b"}, "READY")
    gcloud("redis", "instances", "delete", "cache", place)
    with pytest.raises(GcloudError, match="was not found"):
        gcloud("redis", "instances", "describe", "cache", place)


@pytest.fixture
def unset(gcloud: Gcloud, cloud: Any) -> Gcloud:
    """gcloud through the proxy: it has no setting for the address of Service Networking."""
    kept = {name: value for name, value in gcloud.environment.items() if "ENDPOINT_OVERRIDES" not in name}
    for name in ("http_proxy", "CLOUDSDK_AUTH_DISABLE_CREDENTIALS"):
        kept.pop(name)
    gcloud.environment = kept | variables(cloud.address) | {"PATH": os.environ["PATH"]}
    return gcloud


def test_gcloud_peers_a_network_and_gets_a_private_address(unset: Any) -> None:
    unset("compute", "networks", "create", "vpc", "--subnet-mode=custom")
    reserved = ("--global", "--purpose=VPC_PEERING", "--prefix-length=16", "--network=vpc")
    unset("compute", "addresses", "create", "reserved", *reserved)
    private = ("--database-version=MYSQL_8_0", *CREATE, "--network=vpc", "--no-assign-ip")
    with pytest.raises(GcloudError, match="NETWORK_NOT_PEERED"):
        unset("sql", "instances", "create", "early", *private)
    service = ("--service=servicenetworking.googleapis.com", "--network=vpc")
    unset("services", "vpc-peerings", "connect", *service, "--ranges=reserved")
    (row,) = unset("services", "vpc-peerings", "list", "--network=vpc")
    assert (row["peering"], row["reservedPeeringRanges"]) == ("servicenetworking-googleapis-com", ["reserved"])
    made = unset("sql", "instances", "create", "main", *private)
    assert [address["type"] for address in made["ipAddresses"]] == ["PRIVATE"]
    with pytest.raises(GcloudError, match="still using this connection"):
        unset("services", "vpc-peerings", "delete", *service)


def test_google_api_python_client_makes_a_replica_and_a_cache(cloud: Any, project: str) -> None:
    options = ClientOptions(api_endpoint=f"{cloud.url}/sqladmin/")
    sql = build("sqladmin", "v1", credentials=AnonymousCredentials(), client_options=options)
    settings = {"tier": "db-custom-1-3840", "backupConfiguration": {"enabled": True, "binaryLogEnabled": True}}
    for body in ({"name": "main"}, {"name": "copy", "masterInstanceName": "main"}):
        operation = sql.instances().insert(project=project, body={**body, "settings": settings}).execute()
        waited(lambda name=operation["name"]: sql.operations().get(project=project, operation=name).execute())
    assert sql.instances().get(project=project, instance="main").execute()["replicaNames"] == ["copy"]
    options = ClientOptions(api_endpoint=f"{cloud.url}/redis/")
    redis = build("redis", "v1", credentials=AnonymousCredentials(), client_options=options).projects().locations()
    parent, body = f"projects/{project}/locations/us-central1", {"tier": "BASIC", "memorySizeGb": 1}
    began = redis.instances().create(parent=parent, instanceId="cache", body=body).execute()
    waited(lambda: redis.operations().get(name=began["name"]).execute())
    assert redis.instances().get(name=f"{parent}/instances/cache").execute()["port"] == 6379


def waited(read: Any) -> Any:
    """What `read` answers once the operation that it reads has ended."""
    for _ in range(200):
        operation = read()
        if operation.get("done") or operation.get("status") == "DONE":
            assert "error" not in operation
            return operation
        time.sleep(0.05)
    raise AssertionError(f"not done in time: {operation}")


def test_the_rest_client_of_v1beta4_reads_every_part(cloud: Any, project: str) -> None:
    def client(kind: str) -> Any:
        options = ClientOptions(api_endpoint=f"{cloud.url}/sqladmin")
        found = getattr(sqladmin_v1beta4, f"Sql{kind}ServiceClient")
        return found(transport="rest", credentials=AnonymousCredentials(), client_options=options)

    where = {"project": project, "instance": "main"}
    operations = client("Operations")

    def ended(operation: Any) -> None:
        for _ in range(200):
            if operations.get(request={"project": project, "operation": operation.name}).status.name == "DONE":
                return
            time.sleep(0.05)
        raise AssertionError(operation.name)

    body = {"name": "main", "region": "us-central1", "settings": {"tier": "db-custom-1-3840"}}
    ended(client("Instances").insert(request={"project": project, "body": body}))
    certificate = client("SslCerts").insert(request={**where, "body": {"common_name": "laptop"}})
    ended(certificate.operation)
    assert certificate.client_cert.cert_private_key
    ended(client("BackupRuns").insert(request={**where, "body": {}}))
    (run,) = client("BackupRuns").list(request=where).items
    assert (run.type_.name, run.status.name) == ("ON_DEMAND", "SUCCESSFUL")
    assert client("Connect").get_connect_settings(request=where).ip_addresses[0].type_.name == "PRIMARY"
    flags = client("Flags").list(request={"database_version": "MYSQL_8_0"}).items
    assert "max_connections" in {flag.name for flag in flags}
    assert client("Tiers").list(request={"project": project}).items[0].RAM > 0
