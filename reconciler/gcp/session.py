"""Google's clients, made when first needed and once per process: for Google itself, or for a local cloud."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from reconciler.gcp.answers import OverRequests, honest
from reconciler.gcp.observed import hear
from reconciler.gcp.pace import Pace
from reconciler.model.observing import NOBODY
from reconciler.model.ports import Clock, Observer

T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds for one call. Clients are told never to retry: retrying is applying's, with the world re-read before it."""


@dataclass(frozen=True, slots=True)
class CloudSetting:
    """Which cloud. `url`: base of a local cloud ("http://127.0.0.1:8085"), anonymous; "" means Google itself with
    application default credentials. `organization`: "organizations/N", for the identity that plans carry.
    `quota_project`: the project whose quota calls count against, where an API lets the caller choose.
    """

    url: str = ""
    organization: str = ""
    quota_project: str = ""

    @property
    def local(self) -> bool:
        return bool(self.url)

    @property
    def identity(self) -> str:
        return f"local:{self.url}" if self.local else f"gcp:{self.organization}"


class Wire(Protocol):
    """Carries calls within the process instead of over a network: what the simulation puts under the real clients."""

    def mount(self, http: Any) -> None:
        """Take over a requests session."""


class Session:
    """Clients by service, shared by all threads. Making one may raise google.auth's errors (no credentials).

    `wire`: None for the network. `observer` hears of every exchange.
    """

    def __init__(
        self, setting: CloudSetting, clock: Clock, wire: Wire | None = None, observer: Observer = NOBODY
    ) -> None:
        self.setting = CloudSetting(setting.url.rstrip("/"), setting.organization, setting.quota_project)
        self.clock = clock
        self.observer = observer
        self._wire = wire
        self.pace = Pace(clock, unlimited=setting.local)
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._threads = threading.local()

    def client(self, name: str, host: str, load: Callable[[], Callable[..., T]]) -> T:
        """A GAPIC client over REST. `host` is the API's name before .googleapis.com; `load` imports its class."""
        return self._once(name, lambda: self._direct(load()(**self._options(host))))

    def storage(self) -> Any:
        """The JSON connection of the Cloud Storage client (bodies in and out are the API's own JSON).

        The hand-written client has no managed folders; its connection, `api_request(...)`, speaks the whole API.
        """

        def make() -> Any:
            from google.cloud import storage

            options = {"api_endpoint": self.setting.url} if self.setting.local else {}
            made = storage.Client(project="-", credentials=self.credentials(), client_options=options)
            made._http.hooks["response"].append(honest)
            made._http.trust_env = not self.setting.local
            self._mounted(made._http)
            return made._connection

        return self._once("storage", make)

    def discovered(self, name: str, version: str, *collections: str) -> Any:
        """A collection of google-api-python-client, for APIs whose own client speaks gRPC only (IAM).

        Its description ships with the library: nothing is fetched. Run its requests with `execute`.
        """

        def make() -> Any:
            from googleapiclient.discovery import build

            options = {"api_endpoint": f"{self.setting.url}/{name}"} if self.setting.local else {}
            made = build(
                name, version, http=self._http(), client_options=options, static_discovery=True, cache_discovery=False
            )
            for collection in collections:  # each is compiled from the description: a millisecond or two
                made = getattr(made, collection)()
            return made

        return self._once(".".join((name, version, *collections)), make)

    def execute(self, request: Any) -> Any:
        """Run a request of a discovered client."""
        answer = request.execute(num_retries=0)
        if not isinstance(answer, dict):  # what is no JSON comes back as text
            raise json.JSONDecodeError("no JSON object", str(answer)[:20], 0)
        return answer

    def credentials(self) -> Any:
        """Anonymous for a local cloud, else application default credentials, with their quota project set."""

        def make() -> Any:
            if self.setting.local:
                from google.auth.credentials import AnonymousCredentials

                return AnonymousCredentials()
            import google.auth

            found, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
            project = self.setting.quota_project
            return found.with_quota_project(project) if project and hasattr(found, "with_quota_project") else found

        return self._once("credentials", make)

    def _options(self, host: str) -> dict[str, Any]:
        from google.api_core.client_options import ClientOptions

        options = ClientOptions()
        if self.setting.local:
            options.api_endpoint = f"{self.setting.url}/{host}"
        return {"transport": "rest", "credentials": self.credentials(), "client_options": options}

    def _direct(self, client: T) -> T:
        """A local cloud is on this host: never ask for it through the proxy that the environment names."""
        http = getattr(getattr(client, "transport", None), "_session", None)
        if http is not None:
            http.hooks["response"].append(honest)
        if self.setting.local and http is not None:
            http.trust_env = False
        operations = getattr(getattr(client, "transport", None), "operations_client", None)
        for each in (http, getattr(getattr(operations, "transport", None), "_session", None)):
            if each is not None:
                self._mounted(each)
        return client

    def _mounted(self, http: Any) -> None:
        if self._wire is not None:
            self._wire.mount(http)
        if self.observer is not NOBODY:
            hear(http, self.observer, self.clock)

    def _http(self) -> OverRequests:
        """One for every discovered client and all threads, as the other clients have theirs."""

        def make() -> OverRequests:
            import requests
            from google.auth.transport.requests import AuthorizedSession

            http = requests.Session() if self.setting.local else AuthorizedSession(self.credentials())
            http.hooks["response"].append(honest)
            http.trust_env = not self.setting.local
            self._mounted(http)
            return OverRequests(http, TIMEOUT)

        return self._once("http", make)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]
            return made
