"""uvicorn's HTTP protocol, with a way for the door to drop a connection without an answer."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "aipress.transport"


class DoorProtocol(HttpToolsProtocol):
    """Hands the transport to the application, which aborts it for the fault `lost_response`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # an extension that ASGI's types do not know
        scope["extensions"] = {TRANSPORT: self.transport}
