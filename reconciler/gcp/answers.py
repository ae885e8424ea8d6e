"""What an HTTP answer must be before anybody reads it: JSON, of bounded size, and no error that calls itself a success.

Google's clients drop what they do not know, so an error page or an error body that comes with 200 would read as an
empty object or an empty list. Such an answer is made a 502 here: whatever it says, it did not come from the API.
"""

import json
import re
from typing import Any

MOST_BYTES = 64 * 1024 * 1024
"""Of one answer, unpacked: 25,000 secrets of a page are some 25 MB."""
BAD_GATEWAY = 502
_ERROR_FIRST = re.compile(rb'\A\s*\{\s*"error"\s*:')
_CHUNK = 64 * 1024


def honest(response: Any, **_: Any) -> Any:
    """A response hook of requests. Raises requests' ConnectionError for an answer without end."""
    if not response._content_consumed:
        _bounded(response)
    if response.status_code < 400 and dishonest(response.headers.get("content-type", ""), response.content):
        response.status_code, response.reason = BAD_GATEWAY, "an answer that is not the API's"
    return response


def dishonest(content_type: str, content: bytes) -> bool:
    """Whether the content of a success is none: a page for people, or nothing but an error."""
    if not content:
        return False
    if "json" not in content_type.lower():
        return True
    if not _ERROR_FIRST.match(content):
        return False
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return True
    return isinstance(document, dict) and set(document) == {"error"}


class OverRequests:
    """What google-api-python-client calls an `http`, over a session of requests: so its answers are bounded and honest
    as every other client's (httplib2 reads and unpacks without a limit). The session has the hook `honest`."""

    def __init__(self, session: Any, timeout: float) -> None:
        self._session, self._timeout = session, timeout

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> tuple[Any, bytes]:
        """(httplib2's Response, content). Raises what requests raises."""
        import httplib2

        answer = self._session.request(
            method, uri, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
        )
        told = {name.lower(): value for name, value in answer.headers.items()}
        response = httplib2.Response({**told, "status": str(answer.status_code)})
        response.reason = answer.reason
        return response, answer.content

    def close(self) -> None:
        self._session.close()


def _bounded(response: Any) -> None:
    """Read the body piece by piece, so that one that unpacks to gigabytes is dropped in time."""
    import requests

    pieces, size = [], 0
    for piece in response.iter_content(_CHUNK):
        size += len(piece)
        if size > MOST_BYTES:
            response.close()
            raise requests.exceptions.ConnectionError(f"the answer is larger than {MOST_BYTES >> 20} MiB")
        pieces.append(piece)
    response._content = b"".join(pieces)
