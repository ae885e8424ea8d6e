"""Cloud KMS, Certificate Manager and Workflows against the pure core."""

from __future__ import annotations

import base64
from typing import Any

from reconciler.localcloud import crc32c

PLACE = "projects/acme-eu-001/locations/europe-west1"
RINGS = f"/cloudkms/v1/{PLACE}/keyRings"
KEYS = f"{RINGS}/ring/cryptoKeys"
CERTIFICATES = "/certificatemanager/v1/projects/acme-eu-001/locations/global"


def made_key(world: Any) -> Any:
    assert world.ask("POST", RINGS, {}, keyRingId="ring")[0] == 200
    status, key = world.ask("POST", KEYS, {"purpose": "ENCRYPT_DECRYPT"}, cryptoKeyId="key")
    assert status == 200
    return key


def test_a_key_comes_with_its_first_version(world: Any) -> None:
    key = made_key(world)
    assert key["primary"]["name"] == f"{PLACE}/keyRings/ring/cryptoKeys/key/cryptoKeyVersions/1"
    assert key["versionTemplate"] == {"algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION", "protectionLevel": "SOFTWARE"}
    assert key["destroyScheduledDuration"] == "2592000s"
    listed = world.ask("GET", f"{KEYS}/key/cryptoKeyVersions")[1]
    assert listed["totalSize"] == 1
    assert world.ask("POST", KEYS, {"purpose": "ENCRYPT_DECRYPT"}, cryptoKeyId="key")[0] == 409
    assert world.ask("POST", RINGS.replace("acme", "none"), {}, keyRingId="ring")[0] == 403


def test_what_is_missing_is_named_by_its_kind(world: Any) -> None:
    message = world.ask("GET", f"{KEYS}/key")[1]["error"]["message"]
    assert message == f"CryptoKey {PLACE}/keyRings/ring/cryptoKeys/key not found."
    assert world.ask("POST", KEYS, {"purpose": "ENCRYPT_DECRYPT"}, cryptoKeyId="key")[0] == 404


def test_a_version_is_destroyed_later_and_can_be_brought_back(world: Any) -> None:
    made_key(world)
    version = f"{KEYS}/key/cryptoKeyVersions/1"
    assert world.ask("POST", f"{version}:destroy", {})[1]["state"] == "DESTROY_SCHEDULED"
    assert world.ask("POST", f"{version}:destroy", {})[0] == 400
    plain = base64.b64encode(b"secret").decode()
    assert world.ask("POST", f"{KEYS}/key:encrypt", {"plaintext": plain})[0] == 400
    assert world.ask("POST", f"{version}:restore", {})[1]["state"] == "DISABLED"
    assert world.ask("PATCH", version, {"state": "ENABLED"}, updateMask="state")[1]["state"] == "ENABLED"
    assert world.ask("GET", f"{KEYS}/key")[1]["primary"]["state"] == "ENABLED"


def test_checksums_are_confirmed_and_a_wrong_one_is_refused(world: Any) -> None:
    """gcloud sends them always, and takes an answer that does not confirm them for corrupted in transit."""
    made_key(world)
    plain = base64.b64encode(b"secret").decode()
    wrapped = f"{KEYS}/key:encrypt"
    assert "verifiedPlaintextCrc32c" not in world.ask("POST", wrapped, {"plaintext": plain})[1]
    sums = {"plaintextCrc32c": str(crc32c.of(b"secret")), "additionalAuthenticatedDataCrc32c": "0"}
    made = world.ask("POST", wrapped, {"plaintext": plain, **sums})[1]
    assert made["verifiedPlaintextCrc32c"] is True
    assert made["verifiedAdditionalAuthenticatedDataCrc32c"] is True
    status, told = world.ask("POST", wrapped, {"plaintext": plain, "plaintextCrc32c": "1"})
    words = "The checksum in field plaintext_crc32c did not match the data in field plaintext."
    assert (status, told["error"]["message"]) == (400, words)
    assert world.ask("POST", f"{KEYS}/key:decrypt", {**made, "ciphertextCrc32c": "1"})[0] == 400


def test_only_what_was_encrypted_decrypts_and_only_with_its_additional_data(world: Any) -> None:
    made_key(world)
    plain, extra = base64.b64encode(b"secret").decode(), {"additionalAuthenticatedData": "YQ=="}
    made = world.ask("POST", f"{KEYS}/key:encrypt", {"plaintext": plain, **extra})[1]["ciphertext"]
    assert world.ask("POST", f"{KEYS}/key:decrypt", {"ciphertext": made, **extra})[1]["plaintext"] == plain
    assert world.ask("POST", f"{KEYS}/key:decrypt", {"ciphertext": made})[0] == 400
    raw = base64.b64decode(made)
    changed = base64.b64encode(raw[:-1] + bytes((raw[-1] ^ 1,))).decode()
    assert world.ask("POST", f"{KEYS}/key:decrypt", {"ciphertext": changed, **extra})[0] == 400


def test_a_new_version_encrypts_once_it_is_primary_and_old_text_is_still_read(world: Any) -> None:
    made_key(world)
    plain = base64.b64encode(b"secret").decode()
    old = world.ask("POST", f"{KEYS}/key:encrypt", {"plaintext": plain})[1]
    assert old["ciphertext"] != plain
    assert world.ask("POST", f"{KEYS}/key/cryptoKeyVersions", {})[1]["name"].endswith("/2")
    assert world.ask("POST", f"{KEYS}/key:updatePrimaryVersion", {"cryptoKeyVersionId": "2"})[0] == 200
    assert world.ask("POST", f"{KEYS}/key:encrypt", {"plaintext": plain})[1]["name"].endswith("/2")
    read = world.ask("POST", f"{KEYS}/key:decrypt", {"ciphertext": old["ciphertext"]})[1]
    assert base64.b64decode(read["plaintext"]) == b"secret"
    assert world.ask("POST", f"{KEYS}/key:decrypt", {"ciphertext": plain})[0] == 400


def test_a_managed_certificate_waits_for_its_proof(world: Any) -> None:
    proof = {"domain": "shop.example"}
    started = world.ask("POST", f"{CERTIFICATES}/dnsAuthorizations", proof, dnsAuthorizationId="proof")[1]
    record = world.done("/certificatemanager/v1/", started)["response"]["dnsResourceRecord"]
    assert (record["name"], record["type"]) == ("_acme-challenge.shop.example.", "CNAME")
    name = "projects/acme-eu-001/locations/global/dnsAuthorizations/proof"
    wanted = {"managed": {"domains": ["shop.example"], "dnsAuthorizations": [name]}}
    started = world.ask("POST", f"{CERTIFICATES}/certificates", wanted, certificateId="one")[1]
    made = world.done("/certificatemanager/v1/", started)["response"]
    assert made["managed"]["state"] == "PROVISIONING"
    assert made["managed"]["authorizationAttemptInfo"] == [{"domain": "shop.example", "state": "AUTHORIZING"}]
    assert made["sanDnsnames"] == ["shop.example"]
    assert made["managed"]["dnsAuthorizations"][0].split("/")[1].isdigit()


def test_a_certificate_whose_issuance_config_is_not_there_fails_in_its_operation(world: Any) -> None:
    wanted = {"managed": {"domains": ["shop.example"], "issuanceConfig": "projects/x/locations/global/none"}}
    started = world.ask("POST", f"{CERTIFICATES}/certificates", wanted, certificateId="one")[1]
    assert world.done("/certificatemanager/v1/", started)["error"] == {"code": 3, "message": "invalid name"}
    assert world.ask("GET", f"{CERTIFICATES}/certificates/one")[0] == 404


def test_a_map_with_entries_stays(world: Any) -> None:
    world.ask("POST", f"{CERTIFICATES}/certificateMaps", {}, certificateMapId="map")
    entry = {"hostname": "shop.example", "certificates": []}
    entries = f"{CERTIFICATES}/certificateMaps/map/certificateMapEntries"
    assert world.ask("POST", entries, entry, certificateMapEntryId="one")[0] == 200
    assert world.ask("DELETE", f"{CERTIFICATES}/certificateMaps/map")[0] == 400
    assert world.ask("DELETE", f"{entries}/one")[0] == 200
    assert world.ask("DELETE", f"{CERTIFICATES}/certificateMaps/map")[0] == 200


def test_a_workflow_counts_its_revisions_and_is_executed(world: Any) -> None:
    base = f"/workflows/v1/{PLACE}/workflows"
    started = world.ask("POST", base, {"sourceContents": "main: {}"}, workflowId="one")[1]
    first = world.done("/workflows/v1/", started)["response"]
    assert first["serviceAccount"].endswith("-compute@developer.gserviceaccount.com")
    assert first["revisionId"].startswith("000001-")
    started = world.ask("PATCH", f"{base}/one", {"description": "x"}, updateMask="description")[1]
    assert world.done("/workflows/v1/", started)["response"]["revisionId"] == first["revisionId"]
    started = world.ask("PATCH", f"{base}/one", {"sourceContents": "main: []"}, updateMask="sourceContents")[1]
    assert world.done("/workflows/v1/", started)["response"]["revisionId"].startswith("000002-")
    runs = f"/workflowexecutions/v1/{PLACE}/workflows/one/executions"
    run = world.ask("POST", runs, {"argument": "{}"})[1]
    assert run["state"] == "ACTIVE"
    assert world.ask("POST", runs, {"argument": "{"})[0] == 400
    world.pass_time(10)
    assert [row["state"] for row in world.ask("GET", runs)[1]["executions"]] == ["SUCCEEDED"]
    assert world.ask("POST", f"/workflowexecutions/v1/{run['name']}:cancel", {})[0] == 400
