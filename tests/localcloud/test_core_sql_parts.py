"""Parts of a Cloud SQL instance in the core: users, backups, certificates, operations, flags, tiers."""

from __future__ import annotations

from typing import Any

import pytest

PROJECT = "acme-eu-001"
HOME = f"/sqladmin/sql/v1beta4/projects/{PROJECT}"
BASE = f"{HOME}/instances"
DAY = 86_400


@pytest.fixture
def main(world: Any) -> str:
    return str(world.instance())


def started(world: Any, verb: str, path: str, body: Any = None, **query: Any) -> Any:
    """The operation that a request begins; time passes until it has ended."""
    status, operation = world.ask(verb, path, body, **query)
    assert status == 200, operation
    world.pass_time(1000)
    return operation


# --- users -----------------------------------------------------------------------------------------------------


def of_engine(world: Any, version: str, **settings: Any) -> str:
    body = {
        "name": "other", "region": "us-central1", "databaseVersion": version, "rootPassword": "x",
        "settings": {"tier": "db-custom-1-3840", **settings},
    }  # fmt: skip
    started(world, "POST", BASE, body)
    return f"{BASE}/other"


def test_a_sql_server_begins_with_three_logins(world: Any) -> None:
    path = of_engine(world, "SQLSERVER_2019_EXPRESS")
    rows = world.ask("GET", f"{path}/users")[1]["items"]
    assert [(row["name"], row["sqlserverUserDetails"]) for row in rows] == [
        ("##MS_PolicyEventProcessingLogin##", {"disabled": True}),
        ("##MS_PolicyTsqlExecutionLogin##", {"disabled": True}),
        ("sqlserver", {"serverRoles": ["CustomerDbRootRole"]}),
    ]


def test_a_postgres_user_of_iam_leaves_the_domain_of_service_accounts_out(world: Any) -> None:
    path = of_engine(world, "POSTGRES_15")
    world.ask("POST", f"/iam/v1/projects/{PROJECT}/serviceAccounts", {"accountId": "keeper"})
    name = f"keeper@{PROJECT}.iam"
    for wrong, said in ((f"{name}.gserviceaccount.com", "without"), ("nobody", "nobody.gserviceaccount.com, does not")):
        status, answer = world.ask("POST", f"{path}/users", {"name": wrong, "type": "CLOUD_IAM_SERVICE_ACCOUNT"})
        assert (status, said in answer["error"]["message"]) == (400, True)
    started(world, "POST", f"{path}/users", {"name": name, "type": "CLOUD_IAM_SERVICE_ACCOUNT"})
    row = next(row for row in world.ask("GET", f"{path}/users")[1]["items"] if row["name"] != "postgres")
    assert (row["name"], row["host"], row["type"]) == (name, "", "CLOUD_IAM_SERVICE_ACCOUNT")
    started(world, "DELETE", f"{path}/users", name=name)
    assert len(world.ask("GET", f"{path}/users")[1]["items"]) == 1


def test_a_users_password_policy_is_kept_and_the_instances_is_enforced(world: Any) -> None:
    policy = {"enablePasswordPolicy": True, "minLength": 8, "complexity": "COMPLEXITY_DEFAULT"}
    path = of_engine(world, "MYSQL_8_0", passwordValidationPolicy=policy)
    assert world.ask("POST", f"{path}/users", {"name": "app", "password": "short"})[0] == 400
    body = {"name": "app", "password": "Long-enough-1", "passwordPolicy": {"allowedFailedAttempts": 5}}
    started(world, "POST", f"{path}/users", body)
    row = next(row for row in world.ask("GET", f"{path}/users")[1]["items"] if row["name"] == "app")
    assert row["passwordPolicy"] == {"allowedFailedAttempts": 5, "status": {}}
    assert "password" not in row


# --- backups ---------------------------------------------------------------------------------------------------


def test_a_backup_run_can_be_read_and_deleted(world: Any, main: str) -> None:
    operation = started(world, "POST", f"{main}/backupRuns", {"description": "before"})
    assert operation["operationType"] == "BACKUP_VOLUME"
    own = operation["backupContext"]["backupId"]
    run = world.ask("GET", f"{main}/backupRuns/{own}")[1]
    assert (run["id"], run["type"], run["status"], run["databaseVersion"]) == (
        own,
        "ON_DEMAND",
        "SUCCESSFUL",
        "MYSQL_8_0",
    )
    assert run["enqueuedTime"].endswith("Z")
    assert started(world, "DELETE", f"{main}/backupRuns/{own}")["operationType"] == "DELETE_BACKUP"
    assert world.ask("GET", f"{main}/backupRuns/{own}")[0] == 404
    assert "items" not in world.ask("GET", f"{main}/backupRuns")[1]


def test_backups_come_by_themselves_every_day_and_only_so_many_stay(world: Any, main: str) -> None:
    started(world, "PATCH", main, {"settings": {"backupConfiguration": {"enabled": True, "startTime": "03:00"}}})
    world.pass_time(3 * DAY)
    rows = world.ask("GET", f"{main}/backupRuns")[1]["items"]
    assert [(row["type"], row["status"], row["startTime"][11:16]) for row in rows] == [
        ("AUTOMATED", "SUCCESSFUL", "03:00")
    ] * 3
    started(world, "DELETE", f"{main}/backupRuns/{rows[0]['id']}")
    assert [row["id"] for row in world.ask("GET", f"{main}/backupRuns")[1]["items"]] == [row["id"] for row in rows[1:]]
    world.pass_time(30 * DAY)
    assert len(world.ask("GET", f"{main}/backupRuns")[1]["items"]) == 7


def test_a_run_is_restored_where_it_is_known_and_successful(world: Any, main: str) -> None:
    own = started(world, "POST", f"{main}/backupRuns", {})["backupContext"]["backupId"]
    body = {"restoreBackupContext": {"backupRunId": own, "instanceId": "main"}}
    assert started(world, "POST", f"{main}/restoreBackup", body)["operationType"] == "RESTORE_VOLUME"
    absent = {"restoreBackupContext": {"backupRunId": "17", "instanceId": "main"}}
    assert world.ask("POST", f"{main}/restoreBackup", absent)[0] == 404
    running = world.ask("POST", f"{main}/backupRuns", {})[1]["backupContext"]["backupId"]
    early = {"restoreBackupContext": {"backupRunId": running, "instanceId": "main"}}
    assert world.ask("POST", f"{main}/restoreBackup", early)[0] == 400


def test_a_restore_brings_back_what_the_server_held_when_the_backup_began(world: Any, main: str) -> None:
    started(world, "POST", f"{main}/databases", {"name": "shop"})
    started(world, "POST", f"{main}/users", {"name": "app"})
    own = started(world, "POST", f"{main}/backupRuns", {})["backupContext"]["backupId"]
    started(world, "DELETE", f"{main}/databases/shop")
    started(world, "DELETE", f"{main}/users", name="app", host="%")
    started(world, "POST", f"{main}/databases", {"name": "later"})
    started(world, "POST", f"{main}/restoreBackup", {"restoreBackupContext": {"backupRunId": own}})
    names = {row["name"] for row in world.ask("GET", f"{main}/databases")[1]["items"]}
    assert ("shop" in names, "later" in names) == (True, False)
    assert {row["name"] for row in world.ask("GET", f"{main}/users")[1]["items"]} == {"root", "app"}


def test_a_backup_of_the_project_is_restored_by_its_name_even_after_its_instance(world: Any, main: str) -> None:
    name = started(world, "POST", f"{HOME}/backups", {"instance": "main"})["backupContext"]["name"]
    assert started(world, "POST", f"{main}/restoreBackup", {"backup": name})["operationType"] == "RESTORE_VOLUME"
    other = of_engine(world, "MYSQL_8_0")
    started(world, "DELETE", main, enableFinalBackup="true")
    (last,) = world.ask("GET", f"{HOME}/backups")[1]["backups"]
    assert world.ask("POST", f"{other}/restoreBackup", {"backup": name})[0] == 404
    assert started(world, "POST", f"{other}/restoreBackup", {"backup": last["name"]})["targetId"] == "other"


def test_the_backups_of_a_project_are_the_runs_of_its_instances(world: Any, main: str) -> None:
    body = {"instance": "main", "description": "by hand", "ttlDays": "7"}
    name = started(world, "POST", f"{HOME}/backups", body)["backupContext"]["name"]
    started(world, "POST", f"{main}/backupRuns", {})
    rows = world.ask("GET", f"{HOME}/backups")[1]["backups"]
    assert [(row["instance"], row["state"], "expiryTime" in row) for row in rows] == [
        ("main", "SUCCESSFUL", False), ("main", "SUCCESSFUL", True),
    ]  # fmt: skip
    found = world.ask("GET", f"/sqladmin/sql/v1beta4/{name}")[1]
    assert (found["name"], found["description"], found["kind"]) == (name, "by hand", "sql#backup")
    assert world.ask("GET", found["backupRun"].replace("projects/", "/sqladmin/sql/v1beta4/projects/", 1))[0] == 200
    assert world.ask("GET", f"/sqladmin/v1/{name}")[1]["name"] == name
    assert world.ask("GET", f"{HOME}/backups", filter="instance:none")[1] == {}
    started(world, "DELETE", f"/sqladmin/sql/v1beta4/{name}")
    assert len(world.ask("GET", f"{HOME}/backups")[1]["backups"]) == 1


def test_a_final_backup_outlives_its_instance(world: Any, main: str) -> None:
    started(world, "POST", f"{main}/backupRuns", {})
    started(world, "DELETE", main, enableFinalBackup="true", finalBackupDescription="the last")
    (row,) = world.ask("GET", f"{HOME}/backups")[1]["backups"]
    assert (row["type"], row["description"], "instanceDeletionTime" in row) == ("FINAL", "the last", True)


# --- certificates ----------------------------------------------------------------------------------------------


def test_a_client_certificates_key_is_shown_once(world: Any, main: str) -> None:
    status, made = world.ask("POST", f"{main}/sslCerts", {"commonName": "laptop"})
    assert (status, made["kind"], made["operation"]["operationType"]) == (200, "sql#sslCertsInsert", "UPDATE")
    assert "PRIVATE KEY" in made["clientCert"]["certPrivateKey"]
    assert made["serverCaCert"]["commonName"].startswith(
        "C=US,O=Google\\, Inc,CN=Google Cloud SQL Server CA,dnQualifier="
    )
    world.pass_time(100)
    (row,) = world.ask("GET", f"{main}/sslCerts")[1]["items"]
    assert (row["commonName"], "certPrivateKey" in row) == ("laptop", False)
    path = f"{main}/sslCerts/{row['sha1Fingerprint']}"
    assert world.ask("GET", path)[1] == row
    status, answer = world.ask("POST", f"{main}/sslCerts", {"commonName": "laptop"})
    assert (status, answer["error"]["errors"][0]["reason"]) == (409, "sslCertAlreadyExists")
    started(world, "DELETE", path)
    assert world.ask("GET", path)[0] == 404


def test_an_authority_is_added_rotated_and_rolled_back(world: Any, main: str) -> None:
    first = world.ask("GET", main)[1]["serverCaCert"]["sha1Fingerprint"]
    assert world.ask("POST", f"{main}/rotateServerCa", {})[0] == 400
    started(world, "POST", f"{main}/addServerCa")
    listed = world.ask("GET", f"{main}/listServerCas")[1]
    second = listed["certs"][1]["sha1Fingerprint"]
    assert (listed["activeVersion"], len(listed["certs"])) == (first, 2)
    started(world, "POST", f"{main}/rotateServerCa", {})
    assert world.ask("GET", f"{main}/listServerCas")[1]["activeVersion"] == second
    started(world, "POST", f"{main}/rotateServerCa", {"rotateServerCaContext": {"nextVersion": first}})
    assert world.ask("GET", main)[1]["serverCaCert"]["sha1Fingerprint"] == first


def test_a_reset_takes_every_client_certificate(world: Any, main: str) -> None:
    before = world.ask("GET", main)[1]["serverCaCert"]["sha1Fingerprint"]
    world.ask("POST", f"{main}/sslCerts", {"commonName": "laptop"})
    world.pass_time(100)
    started(world, "POST", f"{main}/resetSslConfig")
    assert "items" not in world.ask("GET", f"{main}/sslCerts")[1]
    assert world.ask("GET", main)[1]["serverCaCert"]["sha1Fingerprint"] != before


def test_a_connector_finds_the_way_and_gets_a_certificate_for_an_hour(world: Any, main: str) -> None:
    found = world.ask("GET", f"{main}/connectSettings")[1]
    assert (found["kind"], found["ipAddresses"][0]["type"]) == ("sql#connectSettings", "PRIMARY")
    assert world.ask("POST", f"{main}:generateEphemeralCert", {})[0] == 400
    made = world.ask("POST", f"{main}:generateEphemeralCert", {"public_key": "x"})[1]["ephemeralCert"]
    assert made["createTime"][:11] <= made["expirationTime"][:11]


def test_server_certificates_belong_to_instances_of_an_authority_service(world: Any, main: str) -> None:
    assert world.ask("GET", f"{main}/listServerCertificates")[0] == 400
    path = of_engine(world, "MYSQL_8_0", ipConfiguration={"serverCaMode": "GOOGLE_MANAGED_CAS_CA"})
    first = world.ask("GET", f"{path}/listServerCertificates")[1]
    assert (len(first["serverCerts"]), len(first["caCerts"])) == (1, 1)
    assert world.ask("POST", f"{path}/rotateServerCertificate", {})[0] == 400
    started(world, "POST", f"{path}/addServerCertificate")
    coming = world.ask("GET", f"{path}/listServerCertificates")[1]["serverCerts"][1]["sha1Fingerprint"]
    started(world, "POST", f"{path}/rotateServerCertificate", {})
    assert world.ask("GET", f"{path}/listServerCertificates")[1]["activeVersion"] == coming


def test_an_instance_behind_private_service_connect_is_found_by_its_name(world: Any) -> None:
    network = {"ipv4Enabled": False, "pscConfig": {"pscEnabled": True, "allowedConsumerProjects": [PROJECT]}}
    path = of_engine(world, "POSTGRES_15", ipConfiguration=network)
    found = world.ask("GET", path)[1]
    assert "/serviceAttachments/a-" in found["pscServiceAttachmentLink"]
    name = found["dnsName"]
    assert name.endswith(".us-central1.sql.goog.")
    where = f"/sqladmin/sql/v1beta4/locations/us-central1/dns/{name}:resolveConnectSettings"
    assert world.ask("GET", where)[1]["pscEnabled"] is True
    assert world.ask("GET", where.replace("us-central1/", "us-east1/"))[0] == 404


# --- operations, flags, tiers ----------------------------------------------------------------------------------


def test_only_imports_and_exports_can_be_cancelled(world: Any, main: str) -> None:
    restart = world.ask("POST", f"{main}/restart")[1]
    assert world.ask("POST", f"{HOME}/operations/{restart['name']}/cancel")[0] == 400
    world.pass_time(100)
    world.ask("POST", "/storage/storage/v1/b", {"name": "dumps-of-acme"}, project=PROJECT)
    context = {"exportContext": {"uri": "gs://dumps-of-acme/all.sql.gz", "fileType": "SQL"}}
    status, export = world.ask("POST", f"{main}/export", context)
    assert (status, export["operationType"], export["exportContext"]["kind"]) == (200, "EXPORT", "sql#exportContext")
    assert world.ask("POST", f"{HOME}/operations/{export['name']}/cancel") == (200, {})
    world.pass_time(1)
    done = world.ask("GET", f"{HOME}/operations/{export['name']}")[1]
    assert (done["status"], "cancelled" in done["error"]["errors"][0]["message"]) == ("DONE", True)
    assert world.ask("POST", f"{main}/restart")[0] == 200


@pytest.mark.parametrize(
    "context",
    [
        {"uri": "s3://bucket/file"}, {"uri": "gs://nobody-has-this/all.sql"},
        {"uri": "gs://dumps-of-acme/all.bak", "fileType": "BAK"},
        {"uri": "gs://dumps-of-acme/all.sql", "databases": ["absent"]},
    ],
)  # fmt: skip
def test_an_export_is_refused_that_could_not_be_written(world: Any, main: str, context: dict[str, Any]) -> None:
    world.ask("POST", "/storage/storage/v1/b", {"name": "dumps-of-acme"}, project=PROJECT)
    assert world.ask("POST", f"{main}/export", {"exportContext": context})[0] in (400, 404)


@pytest.mark.parametrize("name", ["all.sql", "all.sql.gz"])
def test_a_dump_is_an_object_and_brings_its_databases_elsewhere(world: Any, main: str, name: str) -> None:
    world.ask("POST", "/storage/storage/v1/b", {"name": "dumps-of-acme"}, project=PROJECT)
    for own in ("shop", "blog"):
        started(world, "POST", f"{main}/databases", {"name": own})
    uri = f"gs://dumps-of-acme/{name}"
    started(world, "POST", f"{main}/export", {"exportContext": {"uri": uri, "databases": ["shop"]}})
    assert int(world.ask("GET", f"/storage/storage/v1/b/dumps-of-acme/o/{name}")[1]["size"]) > 40
    path = of_engine(world, "MYSQL_8_0")
    started(world, "POST", f"{path}/import", {"importContext": {"uri": uri, "fileType": "SQL"}})
    assert world.ask("GET", f"{path}/databases/shop")[0] == 200
    assert world.ask("GET", f"{path}/databases/blog")[0] == 404
    absent = {"importContext": {"uri": f"{uri}.other", "fileType": "SQL"}}
    assert world.ask("POST", f"{path}/import", absent)[0] == 404


def test_flags_are_listed_for_their_versions(world: Any) -> None:
    rows = world.ask("GET", "/sqladmin/sql/v1beta4/flags", databaseVersion="MYSQL_8_0")[1]["items"]
    by_name = {row["name"]: row for row in rows}
    assert by_name["max_connections"]["maxValue"] == "100000"
    assert by_name["binlog_row_image"]["allowedStringValues"] == ["full", "minimal", "noblob"]
    assert "work_mem" not in by_name
    everything = world.ask("GET", "/sqladmin/sql/v1beta4/flags")[1]["items"]
    assert len(everything) > len(rows) > 30


def test_tiers_say_their_size(world: Any) -> None:
    rows = world.ask("GET", f"{HOME}/tiers")[1]["items"]
    sizes = {row["tier"]: int(row["RAM"]) / 2**30 for row in rows}
    assert (sizes["db-n1-standard-1"], sizes["db-n1-highmem-4"], sizes["db-perf-optimized-N-2"]) == (3.75, 26.0, 16.0)
    assert "us-central1" in rows[0]["region"]


@pytest.mark.parametrize("verb", ["workloadCaptures:start", "addEntraIdCertificate"])
def test_what_is_not_there_says_so(world: Any, main: str, verb: str) -> None:
    path = f"{main}/{verb}"
    status, answer = world.ask("POST", path, {} if "Captures" in verb else None)
    assert (status, "does not implement" in answer["error"]["message"]) == (501, True)
