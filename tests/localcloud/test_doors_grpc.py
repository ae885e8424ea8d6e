"""gRPC as HTTP: which request a procedure stands for, which message an answer is, and which status an error has."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2

from reconciler.localcloud.api.protos import installed
from reconciler.localcloud.doors import transcoding
from reconciler.localcloud.doors.grpc import GrpcDoor
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.house import Outcome
from reconciler.localcloud.values import Response
from tests.localcloud.doorstep import Doorstep

PROTOS = installed()
PARENT = "projects/acme-eu-001"
SECRETS = "/google.cloud.secretmanager.v1.SecretManagerService"
AUTOMATIC = {"replication": {"automatic": {}}}


# --- the request -----------------------------------------------------------------------------------------------------


def asked(procedure: str, **fields: Any) -> tuple[str, str, dict[str, list[str]], bytes]:
    rpc = PROTOS.rpcs[procedure]
    message = PROTOS.message(rpc.request)(**fields)
    return transcoding.http(rpc.bindings, transcoding.read(PROTOS, rpc.request, message.SerializeToString()))


def test_fields_go_into_the_path_the_body_and_the_query() -> None:
    secret = {"labels": {"a": "b"}, **AUTOMATIC}
    verb, path, query, body = asked(f"{SECRETS}/CreateSecret", parent=PARENT, secret_id="s", secret=secret)
    assert (verb, path, query) == ("POST", f"v1/{PARENT}/secrets", {"secretId": ["s"]})
    assert body == b'{"replication":{"automatic":{}},"labels":{"a":"b"}}'


def test_a_resource_keeps_its_name_in_the_body_and_masks_become_text() -> None:
    secret, mask = {"name": f"{PARENT}/secrets/s"}, {"paths": ["labels", "version_destroy_ttl", "labels.someKey"]}
    verb, path, query, body = asked(f"{SECRETS}/UpdateSecret", secret=secret, update_mask=mask)
    assert (verb, path) == ("PATCH", f"v1/{PARENT}/secrets/s")
    assert query == {"updateMask": ["labels,versionDestroyTtl,labels.someKey"]}
    assert body == b'{"name":"projects/acme-eu-001/secrets/s"}'


def test_the_form_is_the_one_that_the_fields_fit() -> None:
    own, place = "/google.devtools.cloudbuild.v1.CloudBuild/ListBuilds", f"{PARENT}/locations/europe-west1"
    assert asked(own, project_id="acme-eu-001", page_size=3)[1:3] == (
        "v1/projects/acme-eu-001/builds", {"pageSize": ["3"]},
    )  # fmt: skip
    assert asked(own, parent=place)[1] == f"v1/{place}/builds"
    with pytest.raises(GoogleError, match="fit none"):
        asked(own)


def test_what_a_path_may_not_hold_is_encoded_and_slashes_stay_in_names_only() -> None:
    own = "/google.cloud.sql.v1.SqlDatabasesService/Get"
    fields = {"project": "p", "instance": "i", "database": "a/b ü?"}
    with pytest.raises(GoogleError):
        asked(own, **fields)
    assert asked(own, **{**fields, "database": "b ü?"})[1] == "v1/projects/p/instances/i/databases/b%20%C3%BC%3F"


def test_numbers_truths_and_lists_in_a_query() -> None:
    own = "/google.cloud.asset.v1.AssetService/SearchAllResources"
    query = asked(own, scope=PARENT, asset_types=["a", "b"], page_size=7)[2]
    assert query == {"assetTypes": ["a", "b"], "pageSize": ["7"]}
    own = "/google.cloud.run.v2.Services/DeleteService"
    assert asked(own, name=f"{PARENT}/locations/l/services/s", validate_only=True)[2] == {"validateOnly": ["true"]}


# --- the answer ------------------------------------------------------------------------------------------------------


def test_an_answer_loses_what_the_message_does_not_know_and_nothing_else() -> None:
    body = {
        "name": "operations/x", "done": True, "strange": 1,
        "metadata": {"@type": "type.googleapis.com/no.such.Message"},
        "response": {"@type": "type.googleapis.com/google.cloud.run.v2.Service", "name": "n", "etag": "e", "odd": {}},
    }  # fmt: skip
    raw = transcoding.written(PROTOS, "google.longrunning.Operation", Response(200, body))
    found = transcoding.read(PROTOS, "google.longrunning.Operation", raw)
    assert found == {
        "name": "operations/x", "done": True,
        "response": {"@type": "type.googleapis.com/google.cloud.run.v2.Service", "name": "n", "etag": "e"},
    }  # fmt: skip


def test_an_empty_answer_and_raw_content() -> None:
    assert transcoding.written(PROTOS, "google.protobuf.Empty", Response(204)) == b""
    raw = transcoding.written(PROTOS, "google.api.HttpBody", Response(200, b"x", {"content-type": "text/plain"}))
    assert transcoding.read(PROTOS, "google.api.HttpBody", raw) == {"contentType": "text/plain", "data": "eA=="}


@pytest.mark.parametrize(
    ("status", "told", "code"),
    [
        (404, "", "NOT_FOUND"), (409, "", "ALREADY_EXISTS"), (409, "ABORTED", "ABORTED"),
        (403, "", "PERMISSION_DENIED"),
        (400, "FAILED_PRECONDITION", "FAILED_PRECONDITION"), (429, "", "RESOURCE_EXHAUSTED"), (503, "", "UNAVAILABLE"),
        (418, "", "UNKNOWN"), (400, "NO_SUCH_CODE", "UNKNOWN"),
    ],
)  # fmt: skip
def test_codes(status: int, told: str, code: str) -> None:
    error = GoogleError(
        status, "why", told, details=[{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"}]
    )
    found = transcoding.status(PROTOS, error.response("run"))
    assert found[:2] == (code, "why")
    detailed = status_pb2.Status.FromString(found[2])
    assert (detailed.code, detailed.message) == (transcoding.NUMBERS[code], "why")
    assert detailed.details[0].type_url.endswith("ErrorInfo")


# --- through the door ------------------------------------------------------------------------------------------------


class Ended(Exception):
    """The call was ended with (code, message)."""


class Context:
    """What grpc hands to a procedure."""

    def peer(self) -> str:
        return "ipv4:127.0.0.1:4711"

    def invocation_metadata(self) -> Any:
        return (("x-goog-api-client", "gl-python"), ("trace-bin", b"1"))

    async def abort(self, code: grpc.StatusCode, message: str, trailing_metadata: Any = ()) -> None:
        raise Ended(code.name, message)


class Line:
    """A house, its gRPC door, and a caller who comes through the proxy for `host` (or straight)."""

    def __init__(self) -> None:
        self.step = Doorstep()
        self.host = ""
        self.door = GrpcDoor(self.step.house, lambda port: self.host)

    def call(self, procedure: str, **fields: Any) -> Any:
        """The answer as JSON, or (code, message)."""
        known = PROTOS.rpcs.get(procedure)
        return self.send(procedure, PROTOS.message(known.request)(**fields).SerializeToString() if known else b"")

    def send(self, procedure: str, raw: bytes) -> Any:
        return asyncio.run(self._send(procedure, raw))

    async def _send(self, procedure: str, raw: bytes) -> Any:
        handler = self.door.service(SimpleNamespace(method=procedure))
        if handler.unary_unary is None:
            with pytest.raises(Ended) as ended:
                await handler.stream_stream(None, Context())
            return ended.value.args
        rpc = PROTOS.rpcs[procedure]
        try:
            answer = await handler.unary_unary(raw, Context())
        except Ended as ended:
            return ended.args
        return transcoding.read(PROTOS, rpc.response, answer)


@pytest.fixture
def line() -> Line:
    return Line()


def test_a_call_changes_the_same_cloud(line: Line) -> None:
    made = line.call(f"{SECRETS}/CreateSecret", parent=PARENT, secret_id="s", secret=AUTOMATIC)
    assert made["name"].endswith("/secrets/s")
    assert line.step.ask("GET", "/secretmanager/v1/projects/acme-eu-001/secrets/s").json["name"] == made["name"]
    assert line.call(f"{SECRETS}/DeleteSecret", name=made["name"]) == {}
    assert line.call(f"{SECRETS}/GetSecret", name=made["name"])[0] == "NOT_FOUND"


def test_what_streams_and_what_is_unknown_says_so(line: Line) -> None:
    code, why = line.call("/google.logging.v2.LoggingServiceV2/TailLogEntries")
    assert (code, "streams" in why) == ("UNIMPLEMENTED", True)
    code, why = line.call("/google.pubsub.v1.Subscriber/NoSuch")
    assert (code, "unknown" in why) == ("UNIMPLEMENTED", True)


def test_an_operation_is_found_where_it_is_kept(line: Line) -> None:
    place = f"{PARENT}/locations/europe-west1"
    service = {"template": {"containers": [{"image": "i"}]}}
    begun = line.call("/google.cloud.run.v2.Services/CreateService", parent=place, service_id="web", service=service)
    get = "/google.longrunning.Operations/GetOperation"
    assert line.call(get, name=begun["name"])["name"] == begun["name"]
    line.host = "europe-west1-run.googleapis.com"
    line.step.now += 1000
    assert line.call(get, name=begun["name"])["response"]["name"] == f"{place}/services/web"
    line.host = "redis.googleapis.com"
    assert line.call(get, name=begun["name"])[0] == "NOT_FOUND"
    line.host = ""
    assert line.call(get, name=f"{place}/operations/nothing")[0] == "NOT_FOUND"
    assert line.call(get, name="nonsense/x")[0] == "UNIMPLEMENTED"
    project = line.call(
        "/google.cloud.resourcemanager.v3.Projects/CreateProject",
        project={"project_id": "acme-eu-002", "parent": "folders/222222222222"},
    )
    assert line.call("/google.longrunning.Operations/WaitOperation", name=project["name"])["name"] == project["name"]


def test_a_policy_and_the_locations_of_whichever_api(line: Line) -> None:
    topic = f"{PARENT}/topics/t"
    line.call("/google.pubsub.v1.Publisher/CreateTopic", name=topic)
    binding = {"role": "roles/pubsub.viewer", "members": ["user:a@example.com"]}
    put = line.call("/google.iam.v1.IAMPolicy/SetIamPolicy", resource=topic, policy={"bindings": [binding]})
    assert line.call("/google.iam.v1.IAMPolicy/GetIamPolicy", resource=topic) == put
    line.host = "run.googleapis.com"
    assert line.call("/google.cloud.location.Locations/ListLocations", name=PARENT)["locations"]


def test_faults_strike_here_too(line: Line) -> None:
    own = f"{SECRETS}/ListSecrets"
    busy = {"kind": "error", "service": "secretmanager", "status": 429, "message": "slow down"}
    for fault, told in (
        (busy, ("RESOURCE_EXHAUSTED", "slow down")),
        ({"kind": "lost_response", "service": "secretmanager"}, ("UNAVAILABLE", "Socket closed")),
    ):
        assert line.step.ask("POST", "/_aipress/faults", fault).status == 200
        assert line.call(own, parent=PARENT) == told
        line.step.ask("DELETE", "/_aipress/faults")
    assert line.call(own, parent=PARENT) != told


def test_an_answer_that_its_message_cannot_hold_is_our_defect(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Outcome(Response(200, {"name": {"not": "text"}}))
    monkeypatch.setattr(line.step.house, "answer", lambda request: wrong)
    assert line.call(f"{SECRETS}/GetSecret", name=f"{PARENT}/secrets/s")[0] == "INTERNAL"
    assert "Traceback" in capsys.readouterr().err


def test_bytes_that_are_no_message_are_refused(line: Line) -> None:
    assert line.send(f"{SECRETS}/GetSecret", b"\xff\xff\xff")[0] == "INVALID_ARGUMENT"


# --- a stream --------------------------------------------------------------------------------------------------------

STREAM = "/google.pubsub.v1.Subscriber/StreamingPull"
TOPIC, SUBSCRIPTION = f"{PARENT}/topics/news", f"{PARENT}/subscriptions/reader"


async def streamed(line: Line, subscription: str) -> list[str]:
    """What a subscriber gets that acknowledges each message and goes when it has three."""
    door, to_send, got = line.door.service(SimpleNamespace(method=STREAM)), asyncio.Queue[Any](), list[str]()

    def send(**fields: Any) -> None:
        to_send.put_nowait(PROTOS.message("google.pubsub.v1.StreamingPullRequest")(**fields).SerializeToString())

    async def requests() -> Any:
        while (raw := await to_send.get()) is not None:
            yield raw

    send(subscription=subscription, stream_ack_deadline_seconds=10)
    async for raw in door.stream_stream(requests(), Context()):
        answer = transcoding.read(PROTOS, "google.pubsub.v1.StreamingPullResponse", raw)
        for received in answer.get("receivedMessages", ()):
            got.append(received["message"]["data"])
            send(ack_ids=[received["ackId"]])
        if len(got) == 3:
            to_send.put_nowait(None)
    return got


def test_a_subscriber_gets_each_message_until_it_goes(line: Line) -> None:
    line.call("/google.pubsub.v1.Publisher/CreateTopic", name=TOPIC)
    line.call("/google.pubsub.v1.Subscriber/CreateSubscription", name=SUBSCRIPTION, topic=TOPIC)
    messages = [{"data": word} for word in (b"a", b"b", b"c")]
    line.call("/google.pubsub.v1.Publisher/Publish", topic=TOPIC, messages=messages)
    assert sorted(asyncio.run(streamed(line, SUBSCRIPTION))) == ["YQ==", "Yg==", "Yw=="]
    line.step.now += 600
    assert line.call("/google.pubsub.v1.Subscriber/Pull", subscription=SUBSCRIPTION, max_messages=9) == {}


@pytest.mark.parametrize(
    ("subscription", "code"), [(f"{PARENT}/subscriptions/nothing", "NOT_FOUND"), ("", "INVALID_ARGUMENT")]
)
def test_a_stream_of_nothing_is_refused(line: Line, subscription: str, code: str) -> None:
    with pytest.raises(Ended) as ended:
        asyncio.run(streamed(line, subscription))
    assert ended.value.args[0] == code
