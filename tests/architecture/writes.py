"""Where inside gcp/ something is changed at Google: every call of a client, read from the syntax trees."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.architecture.house import Source

READS = ("get", "list", "search", "access", "test_iam", "lookup", "query", "read")
"""First words of client methods that change nothing; every other method is taken for a write."""

SITES: Mapping[str, tuple[str, ...]] = {
    "projects.FolderAdapter.create_folder": ("cloudresourcemanager.folders.create",),
    "projects.ProjectAdapter.create_project": ("cloudresourcemanager.projects.create",),
    "projects.ProjectAdapter.update_project": ("cloudresourcemanager.projects.patch",),
    "projects.BillingAdapter.update_project_billing_info": ("cloudbilling.projects.updateBillingInfo",),
    "apis.EnabledApiAdapter.enable_service": ("serviceusage.services.enable",),
    "policies.GapicDoor.set_iam_policy": (
        "cloudresourcemanager.projects.setIamPolicy",
        "artifactregistry.projects.locations.repositories.setIamPolicy",
        "secretmanager.projects.secrets.setIamPolicy",
    ),
    "accounts.ServiceAccountAdapter.create": ("iam.projects.serviceAccounts.create",),
    "accounts.ServiceAccountAdapter.patch": ("iam.projects.serviceAccounts.patch",),
    "accounts.ServiceAccountAdapter.delete": ("iam.projects.serviceAccounts.delete",),
    "artifacts.RepositoryAdapter.create_repository": ("artifactregistry.projects.locations.repositories.create",),
    "artifacts.RepositoryAdapter.update_repository": ("artifactregistry.projects.locations.repositories.patch",),
    "artifacts.RepositoryAdapter.delete_repository": ("artifactregistry.projects.locations.repositories.delete",),
    "sql.InstanceAdapter.insert": ("sql.instances.insert",),
    "sql.InstanceAdapter.patch": ("sql.instances.patch",),
    "sql.InstanceAdapter.update": ("sql.instances.update",),
    "sql.DatabaseAdapter.insert": ("sql.databases.insert",),
    "sql.DatabaseAdapter.patch": ("sql.databases.patch",),
    "sql.DatabaseAdapter.delete": ("sql.databases.delete",),
    "sql.UserAdapter.insert": ("sql.users.insert",),
    "sql.UserAdapter.update": ("sql.users.update",),
    "sql.UserAdapter.delete": ("sql.users.delete",),
    "sql.BackupAdapter.insert": ("sql.backupRuns.insert",),
    "sql_grants.GrantAdapter.execute_sql": ("sql.instances.executeSql",),
    "secrets.SecretAdapter.create_secret": ("secretmanager.projects.secrets.create",),
    "secrets.SecretAdapter.update_secret": ("secretmanager.projects.secrets.patch",),
    "secrets.SecretAdapter.delete_secret": ("secretmanager.projects.secrets.delete",),
    "secrets.SecretVersionAdapter.add_secret_version": ("secretmanager.projects.secrets.addVersion",),
    "secrets.SecretVersionAdapter.destroy_secret_version": ("secretmanager.projects.secrets.versions.destroy",),
    "storage.BucketAdapter.POST": ("storage.buckets.insert",),
    "storage.BucketAdapter.PATCH": ("storage.buckets.patch",),
    "storage.ManagedFolderAdapter.POST": ("storage.managedFolders.insert",),
    "storage.ManagedFolderAdapter.DELETE": ("storage.managedFolders.delete", "storage.objects.delete"),
    "storage.FolderPolicyDoor.PUT": ("storage.managedFolders.setIamPolicy",),
    "run.RunServiceAdapter.create_service": ("run.projects.locations.services.create",),
    "run.RunServiceAdapter.update_service": ("run.projects.locations.services.patch",),
    "run.RunServiceAdapter.delete_service": ("run.projects.locations.services.delete",),
}
"""Every place in gcp/ that changes something: file, class and method called -> the discovery methods it reaches."""

LOOKS = {"sql_grants.GrantAdapter._look": "executeSql is also the only way to read grants; it runs READ_ALL alone"}
"""Functions through which reads may reach a write's call, with the reason."""


@dataclass(frozen=True, slots=True)
class Site:
    """One call of a client. `scope`: "sql.UserAdapter"; `function`: "sql.UserAdapter.begin"; `called`: "insert"."""

    scope: str
    function: str
    called: str
    node: ast.Call

    @property
    def name(self) -> str:
        return f"{self.scope}.{self.called}"

    @property
    def reads(self) -> bool:
        return self.called == "GET" or self.called.split("_")[0] in READS


Definition = ast.FunctionDef | ast.AsyncFunctionDef


def definitions(source: Source) -> Iterator[tuple[str, str, Definition]]:
    """(scope, full name, definition) of every function; what is nested belongs to the function around it."""
    stem = source.path.rpartition("/")[2].removesuffix(".py")
    for node in source.tree.body:
        if isinstance(node, Definition):
            yield stem, f"{stem}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Definition):
                    yield f"{stem}.{node.name}", f"{stem}.{node.name}.{inner.name}", inner


def sites(source: Source) -> Iterator[Site]:
    """Every call of a Google client: by its `request=`/`**ONCE`, by being executed, or as an HTTP verb of storage."""
    for scope, function, definition in definitions(source):
        for node in ast.walk(definition):
            if isinstance(node, ast.Call) and (called := _client_call(node)):
                yield Site(scope, function, called, node)


def _client_call(node: ast.Call) -> str:
    words = {option.arg for option in node.keywords}
    once = any(option.arg is None and getattr(option.value, "id", "") == "ONCE" for option in node.keywords)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "request" and len(node.args) >= 3:  # storage.request(session, VERB, path, …)
        verb = node.args[1]
        return verb.value if isinstance(verb, ast.Constant) and isinstance(verb.value, str) else "?"
    if name == "api_request":
        return "" if any(o.arg == "method" and getattr(o.value, "id", "") == "method" for o in node.keywords) else "?"
    if once or "request" in words:
        return name if isinstance(node.func, ast.Attribute) else "?"
    discovered = isinstance(node.func, ast.Attribute) and bool(words & {"name", "body"})
    return name if discovered and isinstance(node.func.value, ast.Name | ast.Call) else ""


def reached(room: Mapping[str, Definition], roots: tuple[str, ...], stops: Mapping[str, str]) -> set[str]:
    """Functions that calls lead to from every function so named. Names alone decide, so it sees rather too much;
    `self.x` stays in its class."""
    found = {full for full in room if full.rpartition(".")[2] in roots and full not in stops}
    ahead = list(found)
    while ahead:
        full = ahead.pop()
        for target in _calls(full, room) - found - set(stops):
            found.add(target)
            ahead.append(target)
    return found


def _calls(full: str, room: Mapping[str, Definition]) -> set[str]:
    scope, targets = full.rpartition(".")[0], set()
    for node in ast.walk(room[full]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            own = isinstance(node.func.value, ast.Name) and node.func.value.id == "self"
            names = {f"{scope}.{node.func.attr}"} if own else {n for n in room if n.endswith(f".{node.func.attr}")}
            targets |= {n for n in names if n.count(".") == 2}
        elif isinstance(node, ast.Name):
            targets |= {n for n in room if n.count(".") == 1 and n.endswith(f".{node.id}")}
    return targets & set(room)
