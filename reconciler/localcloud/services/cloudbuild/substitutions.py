"""Substitutions: which keys there may be, which must match, and how they are filled in.

Rules and messages: cloud-build-local (Google's own, subst/subst.go and validate/validate.go), issue threads, and
https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from reconciler.localcloud.services.cloudbuild.checks import refused
from reconciler.localcloud.values import Json

_USER = re.compile(r"_[A-Z0-9_]+")
_PARAMETER = re.compile(r"\$\$|\$\{([A-Z_][A-Z0-9_]*)([^}]*)\}|\$([A-Z_][A-Z0-9_]*)")
# Built-in names, and whether a caller may give them a value.
_BUILT_IN = {
    "PROJECT_ID": False, "PROJECT_NUMBER": False, "BUILD_ID": False, "LOCATION": False, "REPO_NAME": True,
    "REPO_FULL_NAME": True, "BRANCH_NAME": True, "TAG_NAME": True, "REVISION_ID": True, "COMMIT_SHA": True,
    "SHORT_SHA": True, "REF_NAME": True, "TRIGGER_NAME": True, "TRIGGER_BUILD_CONFIG_PATH": True,
    "SERVICE_ACCOUNT_EMAIL": False, "SERVICE_ACCOUNT": False,
}  # fmt: skip
_FILLED = ("steps", "images", "tags", "artifacts", "logsBucket", "serviceAccount", "options", "availableSecrets")


def check_keys(substitutions: Json) -> None:
    if len(substitutions) > 200:
        raise refused(f"invalid .substitutions field: number of substitutions {len(substitutions)} exceeded (max: 200)")
    for key, value in substitutions.items():
        if len(key) > 100:
            raise refused(f'invalid .substitutions field: substitution key "{key}" too long (max: 100)')
        if not _USER.fullmatch(key) and not _BUILT_IN.get(key):
            raise refused(
                f'invalid .substitutions field: substitution key "{key}" does not respect format "^_[A-Z0-9_]+$" and '
                "is not an overridable built-in substitutions"
            )
        if len(value) > 4000:
            raise refused(f'invalid .substitutions field: substitution value "{value[:20]}…" too long (max: 4000)')


def check_template(build: Json) -> None:
    """Every key of the data is used, every key of the template is known; loosely, only the built-in ones are judged."""
    given: Json = build.get("substitutions") or {}
    used: set[str] = set()
    warnings: list[str] = []

    def look(text: str) -> str:
        for found in _PARAMETER.finditer(text):
            key = found[1] or found[3]
            if not key:
                continue
            if key not in given and _USER.fullmatch(key):
                warnings.append(f'key in the template "{key}" is not matched in the substitution data')
            elif key not in given and key not in _BUILT_IN:
                raise refused(
                    "invalid value for 'build.substitutions': key in the template "
                    f'"{key}" is not a valid built-in substitution',
                    plain=True,
                )
            used.add(key)
        return text

    _mapped(build, look)
    # Values may refer to other keys when they are dynamic.
    if (build.get("options") or {}).get("dynamicSubstitutions"):
        _walk(dict(given), look)
    warnings += [f'key "{key}" in the substitution data is not matched in the template' for key in given
                 if key not in used]  # fmt: skip
    everything = (build.get("options") or {}).get("automapSubstitutions") or any(
        step.get("automapSubstitutions") for step in build["steps"]
    )
    loose = (build.get("options") or {}).get("substitutionOption") == "ALLOW_LOOSE"
    if warnings and not loose and not everything:
        raise refused(";".join(warnings), plain=True)


def applied(build: Json, built_in: Json) -> Json:
    """The build with every parameter filled in; what has no value becomes empty."""
    values: Json = {**built_in, **(build.get("substitutions") or {})}
    dynamic = bool((build.get("options") or {}).get("dynamicSubstitutions"))
    if dynamic:
        values = {key: _filled(str(value), values, dynamic=True) for key, value in values.items()}

    def fill(text: str) -> str:
        return _filled(text, values, dynamic=dynamic)

    return {**build, **_mapped(build, fill)}


def _filled(text: str, values: Json, *, dynamic: bool) -> str:
    def one(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        key, rest = found[1] or found[3], found[2] or ""
        if rest and not dynamic:
            return found[0]
        value = str(values.get(key, ""))
        return _expanded(value, rest) if rest else value

    return _PARAMETER.sub(one, text)


def _expanded(value: str, rest: str) -> str:
    """The bash operations that Cloud Build knows: `:-`, `:offset:length`, `/a/b`, `//a/b`, `#`, `%`."""
    if rest.startswith(":-"):
        return value or rest[2:]
    if piece := re.fullmatch(r":(\d+)(?::(\d+))?", rest):
        start = int(piece[1])
        return value[start : start + int(piece[2])] if piece[2] else value[start:]
    if piece := re.fullmatch(r"(//?)([^/]+)/(.*)", rest):
        return value.replace(piece[2], piece[3], -1 if piece[1] == "//" else 1)
    if rest.startswith("#"):
        return value.removeprefix(rest.lstrip("#"))
    if rest.startswith("%"):
        return value.removesuffix(rest.lstrip("%"))
    return value


def _mapped(build: Json, change: Callable[[str], str]) -> Json:
    """The parts of a build in which parameters stand, with every text changed."""
    return {name: _walk(build[name], change) for name in _FILLED if name in build}


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walk(one, change) for one in value]
    if isinstance(value, dict):
        return {key: _walk(one, change) for key, one in value.items()}
    return value
