"""Database flags of Cloud SQL: what the flags list says, and which values an instance may set.

Names, types and ranges: https://cloud.google.com/sql/docs/mysql/flags, …/postgres/flags and …/sqlserver/flags,
recalled; the commonly used ones, not all. So a flag that is not in this table is accepted, and only a known flag
is held to its type and range. The refusal's words: wandb/terraform-google-wandb#183.
"""

from __future__ import annotations

import re

from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.sqladmin.versions import MYSQL_8_0_MINORS, engine
from reconciler.localcloud.values import Json

_MYSQL = ("MYSQL_5_6", "MYSQL_5_7", "MYSQL_8_0", *(f"MYSQL_8_0_{minor}" for minor in MYSQL_8_0_MINORS), "MYSQL_8_4")
_NOT_5_6 = _MYSQL[1:]
_8_ON = _MYSQL[2:]
_POSTGRES = ("POSTGRES_9_6", *(f"POSTGRES_{major}" for major in range(10, 19)))
_14_ON = _POSTGRES[5:]
_SQLSERVER = tuple(
    f"SQLSERVER_{year}_{kind}"
    for year in ("2017", "2019", "2022")
    for kind in ("STANDARD", "ENTERPRISE", "EXPRESS", "WEB")
)
_BIG = "9223372036854775807"

# name, type, (least, most) or the allowed words, does it restart the server, the versions it is for
_Flag = tuple[str, str, tuple[str, ...], bool, tuple[str, ...]]
_FLAGS: tuple[_Flag, ...] = (
    ("audit_log", "STRING", ("ON", "OFF", "FORCE", "FORCE_PLUS_PERMANENT"), True, _NOT_5_6),
    ("auto_increment_increment", "INTEGER", ("1", "65535"), False, _MYSQL),
    ("autocommit", "BOOLEAN", (), False, _MYSQL),
    ("automatic_sp_privileges", "BOOLEAN", (), False, _MYSQL),
    ("binlog_cache_size", "INTEGER", ("4096", _BIG), False, _MYSQL),
    ("binlog_expire_logs_seconds", "INTEGER", ("0", "4294967295"), False, _8_ON),
    ("binlog_row_image", "STRING", ("full", "minimal", "noblob"), False, _MYSQL),
    ("character_set_server", "STRING", (), True, _MYSQL),
    ("cloudsql_iam_authentication", "BOOLEAN", (), False, _NOT_5_6),
    ("collation_server", "STRING", (), True, _MYSQL),
    ("connect_timeout", "INTEGER", ("2", "31536000"), False, _MYSQL),
    ("default_authentication_plugin", "STRING", ("mysql_native_password", "caching_sha2_password"), True, _8_ON),
    ("default_password_lifetime", "INTEGER", ("0", "65535"), False, _8_ON),
    ("default_time_zone", "MYSQL_TIMEZONE_OFFSET", (), True, _MYSQL),
    ("event_scheduler", "BOOLEAN", (), False, _MYSQL),
    ("expire_logs_days", "INTEGER", ("0", "99"), False, _MYSQL[:-1]),
    ("explicit_defaults_for_timestamp", "BOOLEAN", (), True, _MYSQL),
    ("general_log", "BOOLEAN", (), False, _MYSQL),
    ("group_concat_max_len", "INTEGER", ("4", "17179869184"), False, _MYSQL),
    ("innodb_adaptive_hash_index", "BOOLEAN", (), False, _MYSQL),
    ("innodb_buffer_pool_size", "INTEGER", ("5242880", _BIG), True, _MYSQL),
    ("innodb_file_per_table", "BOOLEAN", (), False, _MYSQL),
    ("innodb_flush_log_at_trx_commit", "INTEGER", ("0", "2"), False, _MYSQL),
    ("innodb_lock_wait_timeout", "INTEGER", ("1", "1073741824"), False, _MYSQL),
    ("innodb_log_file_size", "INTEGER", ("1048576", "274877906944"), True, _MYSQL),
    ("innodb_print_all_deadlocks", "BOOLEAN", (), False, _MYSQL),
    ("interactive_timeout", "INTEGER", ("1", "31536000"), False, _MYSQL),
    ("local_infile", "BOOLEAN", (), False, _MYSQL),
    ("lock_wait_timeout", "INTEGER", ("1", "31536000"), False, _MYSQL),
    ("log_bin_trust_function_creators", "BOOLEAN", (), False, _MYSQL),
    ("log_output", "STRING", ("FILE", "TABLE", "NONE"), False, _MYSQL),
    ("log_queries_not_using_indexes", "BOOLEAN", (), False, _MYSQL),
    ("long_query_time", "FLOAT", (), False, _MYSQL),
    ("lower_case_table_names", "INTEGER", ("0", "1"), True, _MYSQL),
    ("max_allowed_packet", "INTEGER", ("16384", "1073741824"), False, _MYSQL),
    ("max_connections", "INTEGER", ("1", "100000"), False, _MYSQL),
    ("max_execution_time", "INTEGER", ("0", _BIG), False, _NOT_5_6),
    ("max_heap_table_size", "INTEGER", ("16384", "67108864"), False, _MYSQL),
    ("net_read_timeout", "INTEGER", ("30", "4294967295"), False, _MYSQL),
    ("performance_schema", "BOOLEAN", (), True, _MYSQL),
    ("query_cache_size", "INTEGER", ("0", "223338299392"), False, _MYSQL[:2]),
    ("read_only", "BOOLEAN", (), False, _MYSQL),
    ("require_secure_transport", "BOOLEAN", (), False, _NOT_5_6),
    ("skip_show_database", "NONE", (), True, _MYSQL),
    ("slow_query_log", "BOOLEAN", (), False, _MYSQL),
    ("sort_buffer_size", "INTEGER", ("32768", _BIG), False, _MYSQL),
    ("sql_mode", "STRING", (), False, _MYSQL),
    ("table_open_cache", "INTEGER", ("1", "524288"), False, _MYSQL),
    ("tmp_table_size", "INTEGER", ("1024", "67108864"), False, _MYSQL),
    ("transaction_isolation", "STRING", ("READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"),
     True, _NOT_5_6),
    ("wait_timeout", "INTEGER", ("1", "31536000"), False, _MYSQL),
    ("autovacuum", "BOOLEAN", (), False, _POSTGRES),
    ("autovacuum_max_workers", "INTEGER", ("1", "262143"), True, _POSTGRES),
    ("cloudsql.enable_pg_cron", "BOOLEAN", (), True, _POSTGRES[1:]),
    ("cloudsql.enable_pgaudit", "BOOLEAN", (), True, _POSTGRES),
    ("cloudsql.enable_pglogical", "BOOLEAN", (), True, _POSTGRES[1:]),
    ("cloudsql.iam_authentication", "BOOLEAN", (), False, _POSTGRES),
    ("cloudsql.logical_decoding", "BOOLEAN", (), True, _POSTGRES),
    ("checkpoint_timeout", "INTEGER", ("30", "86400"), False, _POSTGRES),
    ("deadlock_timeout", "INTEGER", ("1", "2147483647"), False, _POSTGRES),
    ("default_statistics_target", "INTEGER", ("1", "10000"), False, _POSTGRES),
    ("effective_cache_size", "INTEGER", ("1", "2147483647"), False, _POSTGRES),
    ("idle_in_transaction_session_timeout", "INTEGER", ("0", "2147483647"), False, _POSTGRES),
    ("idle_session_timeout", "INTEGER", ("0", "2147483647"), False, _14_ON),
    ("lock_timeout", "INTEGER", ("0", "2147483647"), False, _POSTGRES),
    ("log_checkpoints", "BOOLEAN", (), False, _POSTGRES),
    ("log_connections", "BOOLEAN", (), False, _POSTGRES),
    ("log_disconnections", "BOOLEAN", (), False, _POSTGRES),
    ("log_duration", "BOOLEAN", (), False, _POSTGRES),
    ("log_lock_waits", "BOOLEAN", (), False, _POSTGRES),
    ("log_min_duration_statement", "INTEGER", ("-1", "2147483647"), False, _POSTGRES),
    ("log_statement", "STRING", ("none", "ddl", "mod", "all"), False, _POSTGRES),
    ("log_temp_files", "INTEGER", ("-1", "2147483647"), False, _POSTGRES),
    ("maintenance_work_mem", "INTEGER", ("1024", "2147483647"), False, _POSTGRES),
    ("max_connections", "INTEGER", ("14", "262143"), True, _POSTGRES),
    ("max_locks_per_transaction", "INTEGER", ("10", "2147483647"), True, _POSTGRES),
    ("max_replication_slots", "INTEGER", ("10", "262143"), True, _POSTGRES),
    ("max_wal_senders", "INTEGER", ("10", "262143"), True, _POSTGRES),
    ("max_worker_processes", "INTEGER", ("8", "262143"), True, _POSTGRES),
    ("password_encryption", "STRING", ("md5", "scram-sha-256"), False, _POSTGRES),
    ("pg_stat_statements.track", "STRING", ("none", "top", "all"), False, _POSTGRES),
    ("pgaudit.log", "STRING", (), False, _POSTGRES),
    ("random_page_cost", "FLOAT", (), False, _POSTGRES),
    ("shared_buffers", "INTEGER", ("16", "1073741823"), True, _POSTGRES),
    ("statement_timeout", "INTEGER", ("0", "2147483647"), False, _POSTGRES),
    ("tcp_keepalives_idle", "INTEGER", ("0", "2147483647"), False, _POSTGRES),
    ("temp_file_limit", "INTEGER", ("1048576", "2147483647"), False, _POSTGRES),
    ("timezone", "STRING", (), False, _POSTGRES),
    ("work_mem", "INTEGER", ("64", "2147483647"), False, _POSTGRES),
    ("1204", "BOOLEAN", (), True, _SQLSERVER),
    ("1222", "BOOLEAN", (), True, _SQLSERVER),
    ("3226", "BOOLEAN", (), True, _SQLSERVER),
    ("contained database authentication", "BOOLEAN", (), False, _SQLSERVER),
    ("cost threshold for parallelism", "INTEGER", ("0", "32767"), False, _SQLSERVER),
    ("cross db ownership chaining", "BOOLEAN", (), False, _SQLSERVER),
    ("default language", "INTEGER", ("0", "9999"), False, _SQLSERVER),
    ("external scripts enabled", "BOOLEAN", (), True, _SQLSERVER),
    ("max degree of parallelism", "INTEGER", ("0", "32767"), False, _SQLSERVER),
    ("max server memory (mb)", "INTEGER", ("1000", "2147483647"), False, _SQLSERVER),
    ("max worker threads", "INTEGER", ("128", "65535"), True, _SQLSERVER),
    ("optimize for ad hoc workloads", "BOOLEAN", (), False, _SQLSERVER),
    ("remote access", "BOOLEAN", (), True, _SQLSERVER),
    ("user connections", "INTEGER", ("0", "32767"), True, _SQLSERVER),
    ("user options", "INTEGER", ("0", "32767"), False, _SQLSERVER),
)  # fmt: skip
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_REFUSED = "Value requested is not valid. Failed to set {}: {}."


def flags(version: str) -> list[Json]:
    """The items of a flags list, for one version or all."""
    return [_shown(flag) for flag in _FLAGS if not version or version in flag[4]]


def _shown(flag: _Flag) -> Json:
    name, kind, allowed, restarts, versions = flag
    shown: Json = {
        "kind": "sql#flag", "name": name, "type": kind, "appliesTo": list(versions),
        "flagScope": "SQL_FLAG_SCOPE_DATABASE", "requiresRestart": restarts,
    }  # fmt: skip
    if allowed and kind == "STRING":
        shown["allowedStringValues"] = list(allowed)
    elif allowed:
        shown |= {"minValue": allowed[0], "maxValue": allowed[1]}
    return shown


def check_flags(version: str, wished: list[Json]) -> None:
    """Refuse (GoogleError 400) a value that a known flag cannot have, and a flag of another engine."""
    by_name = {flag[0]: flag for flag in _FLAGS if engine(flag[4][0]) == engine(version)}
    elsewhere = {flag[0] for flag in _FLAGS} - set(by_name)
    for entry in wished:
        name, value = entry.get("name", ""), entry.get("value", "")
        if not name or name in elsewhere:
            raise GoogleError(400, "Flag requested cannot be set.", reason="invalidFlagName")
        if name in by_name:
            _check_value(by_name[name], value)


def _check_value(flag: _Flag, value: str) -> None:
    name, kind, allowed, _, _ = flag
    if kind == "BOOLEAN":
        wrong = value.lower() not in ("on", "off")
        said = f"{value} was not one of on, off"
    elif kind == "INTEGER":
        number = _INTEGER.fullmatch(value) is not None
        wrong = not number or (bool(allowed) and not int(allowed[0]) <= int(value) <= int(allowed[1]))
        said = f"{value} was not between {allowed[0]} and {allowed[1]}" if allowed else f"{value} was not an integer"
    else:
        wrong = kind == "STRING" and bool(allowed) and value not in allowed
        said = f"{value} was not an expected string"
    if wrong:
        raise GoogleError(400, _REFUSED.format(name, said), reason="invalidFlagValue")
