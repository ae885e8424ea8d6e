"""Google's clients, made when first needed and once per process: for Google itself, or for a local cloud."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.gcp.pace import Pace
from reconciler.model.ports import Clock

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


class Session:
    """Clients by service, shared by all threads. Making one may raise google.auth's errors (no credentials)."""

    def __init__(self, setting: CloudSetting, clock: Clock) -> None:
        self.setting = CloudSetting(setting.url.rstrip("/"), setting.organization, setting.quota_project)
        self.clock = clock
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
            made._http.trust_env = not self.setting.local
            return made._connection

        return self._once("storage", make)

    def discovered(self, name: str, version: str) -> Any:
        """A google-api-python-client resource, for APIs whose own client speaks gRPC only (IAM).

        Its description ships with the library: nothing is fetched. Run its requests with `execute`.
        """

        def make() -> Any:
            from googleapiclient.discovery import build

            options = {"api_endpoint": f"{self.setting.url}/{name}"} if self.setting.local else {}
            return build(
                name, version, http=self._http(), client_options=options, static_discovery=True, cache_discovery=False
            )

        return self._once(f"{name}.{version}", make)

    def execute(self, request: Any) -> Any:
        """Run a request of a discovered client. httplib2 is not thread-safe, so each thread has a connection."""
        http = getattr(self._threads, "http", None)
        if http is None:
            http = self._threads.http = self._http()
        return request.execute(http=http, num_retries=0)

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
        if self.setting.local and http is not None:
            http.trust_env = False
        return client

    def _http(self) -> Any:
        import httplib2

        if self.setting.local:
            return httplib2.Http(timeout=TIMEOUT, proxy_info=None)
        plain = httplib2.Http(timeout=TIMEOUT)
        from google_auth_httplib2 import AuthorizedHttp

        return AuthorizedHttp(self.credentials(), http=plain)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]
            return made
