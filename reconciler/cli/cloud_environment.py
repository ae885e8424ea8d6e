"""The environment in which clients of Google's APIs find the local cloud, with no settings of their own."""

import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1,localhost,::1"


def variables(found: Mapping[str, Any]) -> dict[str, str]:
    """For a running cloud, by what it wrote about itself. AIPRESS_CLOUD_URL is for our own commands, which go to the
    HTTP door straight; the rest is for programs that know Google's host names only."""
    told = {"AIPRESS_CLOUD_URL": str(found["url"])}
    if not found.get("proxy"):
        return told
    proxy, ca, key = str(found["proxy"]), str(found["ca"]), str(found["credentials"])
    address = urlsplit(proxy)
    return told | {
        # Both spellings: curl and gRPC read the small one, some clients only the other.
        "HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK,
        # Who reads which: requests, httplib2, gRPC, OpenSSL (and what is built on it), Node, curl.
        "REQUESTS_CA_BUNDLE": ca, "HTTPLIB2_CA_CERTS": ca, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": ca, "SSL_CERT_FILE": ca,
        "NODE_EXTRA_CA_CERTS": ca, "CURL_CA_BUNDLE": ca,
        "GOOGLE_APPLICATION_CREDENTIALS": key,
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE": key, "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": ca,
        "CLOUDSDK_PROXY_TYPE": "http", "CLOUDSDK_PROXY_ADDRESS": str(address.hostname),
        "CLOUDSDK_PROXY_PORT": str(address.port),
    }  # fmt: skip


def exports(variables: Mapping[str, str]) -> str:
    """Lines for a shell; whatever a value holds, the shell takes it as one word."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
