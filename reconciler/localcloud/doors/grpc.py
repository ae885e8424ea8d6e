"""The gRPC door: every procedure of Google's protos, turned into the HTTP request that it stands for.

One asyncio server on the loop of the HTTP door: the core sees one request at a time, whichever door it came through.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf import json_format

from reconciler.localcloud.api.protos import Protos, Rpc, installed
from reconciler.localcloud.core import MAXIMUM_BODY
from reconciler.localcloud.doors import front, streaming, transcoding
from reconciler.localcloud.doors.hosts import GOOGLE, Hosts
from reconciler.localcloud.doors.mixins import FORMS, Mixins
from reconciler.localcloud.doors.together import Together
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.house import House, Outcome
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Request, Response

_DETAILS = "grpc-status-details-bin"
_OPTIONS = (
    ("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAXIMUM_BODY), ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", 64 * 1024),
)  # fmt: skip


class GrpcDoor(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc is not typed
    """`host_of` gives the host that the proxy opened a connection for, by the port that it comes from, or ""."""

    def __init__(self, house: House, host_of: Callable[[int], str]) -> None:
        self._house, self._host_of = house, host_of
        self._protos: Protos = installed()
        self._hosts = Hosts(house.cloud.library.knows)
        self._together = Together(house.rows)
        services = sorted({rpc.host for rpc in self._protos.rpcs.values()} | {"servicenetworking"})
        self._mixins = Mixins(house.cloud.library, tuple(name for name in services if house.cloud.library.knows(name)))

    def service(self, call: Any) -> Any:
        """grpc's question: who answers this procedure?"""
        rpc = self._protos.rpcs.get(call.method)
        if call.method == streaming.PROCEDURE:
            return grpc.stream_stream_rpc_method_handler(
                streaming.StreamingPull(self._house, self._protos, self._refuse).__call__
            )
        if rpc is None or rpc.streams or not (rpc.bindings or rpc.name in FORMS):
            why = "streams, which the local cloud does not" if rpc else "is unknown to the local cloud"
            return grpc.stream_stream_rpc_method_handler(_refusing(f"{call.method} {why}."))

        async def answer(raw: bytes, context: Any) -> bytes:
            return await self._serve(rpc, raw, context)

        return grpc.unary_unary_rpc_method_handler(answer)

    async def _serve(self, rpc: Rpc, raw: bytes, context: Any) -> bytes:
        outcome = self._outcome(rpc, raw, context)
        await self._together.kept()
        if outcome.delay:
            await asyncio.sleep(outcome.delay)
        if outcome.lost:
            # What a client is told when the connection breaks under its call.
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        response = outcome.response
        if response.status < 400:
            try:
                return transcoding.written(self._protos, rpc.response, response)
            except (json_format.ParseError, TypeError, ValueError) as error:
                # A behaviour answered what its message cannot hold: a defect of ours, as below.
                traceback.print_exc()
                response = _defect(error)
        await self._refuse(context, response)
        raise AssertionError("abort raises")

    async def _refuse(self, context: Any, response: Response) -> None:
        code, message, details = transcoding.status(self._protos, response)
        await context.abort(grpc.StatusCode[code], message, trailing_metadata=((_DETAILS, details),))

    def _outcome(self, rpc: Rpc, raw: bytes, context: Any) -> Outcome:
        try:
            host = self._host_of(int(context.peer().rpartition(":")[2]))
            outcome = front.answer(self._house, self._request(rpc, raw, host, _metadata(context)))
            if outcome.response.status == 404:
                return self._missing(rpc, outcome)
            return outcome
        except GoogleError as error:
            return Outcome(error.response(""))
        except Exception as error:  # a defect of ours must look like Google's 500, and be seen on stderr
            traceback.print_exc()
            return Outcome(_defect(error))

    def _request(self, rpc: Rpc, raw: bytes, host: str, metadata: Mapping[str, str]) -> Request:
        values = transcoding.read(self._protos, rpc.request, raw)
        if rpc.name in FORMS:
            service, _ = self._hosts.service(host.removesuffix(GOOGLE)) if host else ("", "")
            verb, path = self._mixins.placed(rpc.name, values, service, State(self._house.rows))
            query, body = transcoding.rest(values, "*" if verb == "POST" else "")
        else:
            verb, path, query, body = transcoding.http(rpc.bindings, values)
            path = f"/{rpc.host}/{path}"
        return Request(verb, path, query, {**metadata, "host": host or rpc.host + GOOGLE}, body)

    def _missing(self, rpc: Rpc, outcome: Outcome) -> Outcome:
        """404 for an address that the core does not have is UNIMPLEMENTED here: the client named a procedure."""
        message = outcome.response.body["error"]["message"] if isinstance(outcome.response.body, dict) else ""
        if "was not found on this server" not in message:
            return outcome
        error = GoogleError(501, f"The local cloud does not have {rpc.name}.", "UNIMPLEMENTED")
        return Outcome(error.response(""), outcome.delay, outcome.lost)


def _defect(error: Exception) -> Response:
    return GoogleError(500, f"Internal error encountered. (local cloud: {error!r})").response("")


def _metadata(context: Any) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def _refusing(why: str) -> Callable[[Any, Any], Any]:
    async def refuse(_: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, why)

    return refuse


async def open_door(house: House, host_of: Callable[[int], str]) -> tuple[Any, int]:
    """The running server and its port on 127.0.0.1."""
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((GrpcDoor(house, host_of),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port
