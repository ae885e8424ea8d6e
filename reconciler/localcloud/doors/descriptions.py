"""Discovery documents over HTTP, for clients that fetch them: `build(…, static_discovery=False)`, gcloud's own parts.

https://developers.google.com/discovery/v1/reference/apis: `www.googleapis.com/discovery/v1/apis/<api>/<version>/rest`,
and the newer `<api>.googleapis.com/$discovery/rest?version=<version>`.
"""

from __future__ import annotations

import re

from reconciler.localcloud.api.discovery import Library
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.values import Request, Response

_OLD = re.compile(r"(?:/discovery)?/discovery/v1/apis/([a-z0-9-]+)/([A-Za-z0-9_.]+)/rest")
_NEW = re.compile(r"(?:/([a-z0-9-]+))?/(?:\$|%24)discovery/rest")


def answer(library: Library, request: Request, host: str) -> Response | None:
    """The document that a request asks for; None when it asks for something else."""
    if "discovery" not in request.path or request.verb != "GET":
        return None
    if old := _OLD.fullmatch(request.path):
        name, version = old[1], old[2]
    elif new := _NEW.fullmatch(request.path):
        name, version = new[1] or host.partition(".")[0], request.query.get("version", [""])[0]
    else:
        return None
    api = library.api(name, version) if re.fullmatch(r"\w+", version) and library.knows(name) else None
    if api is None:
        raise GoogleError(404, "Requested entity was not found.")
    return Response(200, api.document)
