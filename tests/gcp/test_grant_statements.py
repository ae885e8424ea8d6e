"""The SQL of grants: quoted, escaped, and never taking away a right that is kept."""

from typing import Any

import pytest

from reconciler.gcp.errors import RefusedCall
from reconciler.gcp.sql_grants import (
    DATABASE_PRIVILEGES,
    account_of,
    database_of,
    level,
    read_accounts,
    shown,
    statements_for,
)

ACME = "`acme-p-1`@`%`"
ALL = {"ALL PRIVILEGES"}


def table(*rows: tuple[str, ...]) -> dict[str, Any]:
    return {"rows": [{"values": [{"value": cell} for cell in row]} for row in rows]} if rows else {}


def test_a_fresh_user_is_granted_its_own_database_before_it_loses_the_rest() -> None:
    statements = list(statements_for(ACME, {"acme-p-1": ALL}, {"*": {"ROLE cloudsqlsuperuser"}}))
    assert statements == [
        "GRANT ALL PRIVILEGES ON `acme-p-1`.* TO `acme-p-1`@`%`",
        "REVOKE `cloudsqlsuperuser` FROM `acme-p-1`@`%`",
    ]


def test_what_is_right_already_needs_no_statement() -> None:
    assert list(statements_for(ACME, {"a": ALL}, {"a": set(ALL)})) == []


@pytest.mark.parametrize(
    ("have", "expected"),
    [
        ({"a": ALL, "b": {"SELECT", "INSERT"}}, ["REVOKE INSERT, SELECT ON `b`.* FROM `acme-p-1`@`%`"]),
        ({"a": ALL | {"GRANT OPTION"}}, ["REVOKE GRANT OPTION ON `a`.* FROM `acme-p-1`@`%`"]),
        ({"a": ALL, "*": {"SELECT"}}, ["REVOKE SELECT ON *.* FROM `acme-p-1`@`%`"]),
        ({"a": ALL, "LIKE a_": ALL}, ["REVOKE ALL PRIVILEGES ON `a_`.* FROM `acme-p-1`@`%`"]),
        ({"a": ALL, "b.wp_users": {"SELECT"}}, ["REVOKE SELECT ON `b`.`wp_users` FROM `acme-p-1`@`%`"]),
        ({"a": {"SELECT"}}, ["GRANT ALL PRIVILEGES ON `a`.* TO `acme-p-1`@`%`"]),
    ],
)
def test_exactly_what_is_too_much_goes(have: dict[str, set[str]], expected: list[str]) -> None:
    assert list(statements_for(ACME, {"a": ALL}, have)) == expected


def test_narrowing_all_privileges_keeps_the_wanted_ones() -> None:
    statements = list(statements_for(ACME, {"a": {"SELECT"}}, {"a": set(ALL)}))
    assert statements[-1] == "GRANT SELECT ON `a`.* TO `acme-p-1`@`%`"
    assert "REVOKE ALL PRIVILEGES ON `a`.* FROM `acme-p-1`@`%`" in statements


def test_names_are_quoted_and_wildcards_escaped() -> None:
    assert level("a_b%c") == r"`a\_b\%c`.*"
    assert level("x`; DROP DATABASE y; --") == r"`x``; DROP DATABASE y; --`.*"
    assert account_of("o`k", "%") == "`o``k`@`%`"
    assert database_of(r"a\_b") == "a_b" and database_of("a_b") == "LIKE a_b" and database_of("%") == "LIKE %"


def test_every_privilege_of_a_database_reads_all_privileges() -> None:
    assert shown("acme", set(DATABASE_PRIVILEGES)) == ["ALL PRIVILEGES"]
    assert shown("acme", {*DATABASE_PRIVILEGES, "GRANT OPTION"}) == ["ALL PRIVILEGES", "GRANT OPTION"]
    assert shown("acme", DATABASE_PRIVILEGES - {"DROP"}) == sorted(DATABASE_PRIVILEGES - {"DROP"})


def test_all_users_are_read_from_one_answer() -> None:
    accounts = read_accounts(
        [
            table(("acme", "%", "20"), ("root", "%", "0")),
            table(("'acme'@'%'", "USAGE", "NO"), ("'root'@'%'", "SELECT", "YES")),
            table(*((("'acme'@'%'", r"acme\_db", p, "NO")) for p in sorted(DATABASE_PRIVILEGES))),
            table(("'acme'@'%'", "blue", "wp_users", "SELECT")),
            table(("acme", "%", "cloudsqlsuperuser")),
        ]
    )
    assert accounts["acme", "%"].body("%") == {
        "host": "%",
        "maxUserConnections": 20,
        "grants": [
            {"database": "*", "privileges": ["ROLE cloudsqlsuperuser"]},
            {"database": "acme_db", "privileges": ["ALL PRIVILEGES"]},
            {"database": "blue.wp_users", "privileges": ["SELECT"]},
        ],
    }
    assert accounts["root", "%"].held["*"] == {"SELECT", "GRANT OPTION"}


def test_a_part_of_the_answer_is_no_answer() -> None:
    with pytest.raises(RefusedCall, match="read partly"):
        read_accounts([table()])
