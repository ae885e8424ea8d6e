"""Flags of a Cloud SQL instance that are the platform's to set. One place, for reading documents and for compiling."""

from collections.abc import Mapping

PLATFORM_FLAGS: Mapping[str, str] = {"cloudsql_iam_authentication": "on"}
"""The reconciler logs in by IAM to set tenants' grants ("MCP Tools Reference: cloud-sql", execute_sql: must be `on`).

Written otherwise in shard.yaml, validate refuses the file (AP225); what is compiled has ours in any case.
"""
