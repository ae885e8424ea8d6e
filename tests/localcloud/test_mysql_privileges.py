"""The privileges interpreter on its own: statements, error texts, and the tables that grants are read from."""

from __future__ import annotations

import pytest

from reconciler.localcloud.services.sqladmin.mysql_grammar import Reader, Result
from reconciler.localcloud.services.sqladmin.mysql_privileges import SUPER_ROLE, MysqlError, Server, Session, Who, like


def run(server: Server, sql: str, who: Who | None = None, database: str = "") -> list[Result]:
    reader = Reader(sql, Session(server, who, database))
    found = []
    while not reader.done():
        found.append(reader.run())
    return found


@pytest.fixture
def server() -> Server:
    made = Server(databases={"shop_a": {}, "shop_b": {}})
    made.add("root", "%", roles=[SUPER_ROLE])
    return made


@pytest.mark.parametrize(
    ("sql", "number", "text"),
    [
        ("FOO", 1064, "near 'FOO' at line 1"),
        ("GRANT SELECT ON shop_a TO x", 1064, "near 'TO x' at line 1"),
        ("SELECT 1;\nSELEC 2", 1064, "near 'SELEC 2' at line 2"),
        ("USE nowhere", 1049, "Unknown database 'nowhere'"),
        ("DROP USER 'x'@'%'", 1396, "Operation DROP USER failed for 'x'@'%'"),
        ("CREATE USER root", 1396, "Operation CREATE USER failed for 'root'@'%'"),
        ("SHOW GRANTS FOR x", 1141, "There is no such grant defined for user 'x' on host '%'"),
        ("GRANT SELECT ON shop_a.* TO x", 1410, "You are not allowed to create a user with GRANT"),
        ("REVOKE SELECT ON shop_b.* FROM root", 1141, "There is no such grant defined for user 'root' on host '%'"),
        ("GRANT nobody TO root", 3523, "Unknown authorization ID `nobody`@`%`"),
        ("SELECT * FROM mysql.nothing", 1146, "Table 'mysql.nothing' doesn't exist"),
        ("SELECT colour FROM mysql.user", 1054, "Unknown column 'colour' in 'field list'"),
        ("SELECT * FROM user", 1046, "No database selected"),
        ("DROP DATABASE nowhere", 1008, "Can't drop database 'nowhere'; database doesn't exist"),
        ("GRANT RELOAD ON shop_a.* TO root", 1221, "Incorrect usage of DB GRANT and GLOBAL PRIVILEGES"),
        ("'unfinished", 1064, "near ''unfinished' at line 1"),
    ],
)
def test_refusals_are_worded_as_mysql_words_them(server: Server, sql: str, number: int, text: str) -> None:
    with pytest.raises(MysqlError) as caught:
        run(server, sql)
    assert caught.value.number == number
    assert caught.value.message.endswith(text)


def test_grants_are_shown_as_mysql_shows_them(server: Server) -> None:
    run(
        server,
        r"CREATE USER u; GRANT SELECT, INSERT ON `shop\_a`.* TO u; GRANT ALL ON shop_b.* TO u WITH GRANT OPTION;"
        " GRANT PROCESS ON *.* TO u",
    )
    lines = [row[0] for row in run(server, "SHOW GRANTS FOR 'u'@'%'")[0].rows]
    assert lines == [
        "GRANT PROCESS ON *.* TO `u`@`%`",
        r"GRANT SELECT, INSERT ON `shop\_a`.* TO `u`@`%`",
        "GRANT ALL PRIVILEGES ON `shop_b`.* TO `u`@`%` WITH GRANT OPTION",
    ]
    run(server, r"REVOKE INSERT ON `shop\_a`.* FROM u; REVOKE ALL PRIVILEGES, GRANT OPTION ON shop_b.* FROM u")
    assert [row[0] for row in run(server, "SHOW GRANTS FOR u")[0].rows][1:] == [
        r"GRANT SELECT ON `shop\_a`.* TO `u`@`%`"
    ]


def test_all_grants_of_an_instance_are_read_in_one_statement(server: Server) -> None:
    run(
        server,
        r"CREATE USER u; CREATE USER v; GRANT SELECT ON `shop\_a`.* TO u;"
        "GRANT INSERT ON shop_b.* TO v WITH GRANT OPTION",
    )
    table = run(
        server,
        "SELECT GRANTEE, TABLE_SCHEMA, PRIVILEGE_TYPE, IS_GRANTABLE "
        "FROM information_schema.SCHEMA_PRIVILEGES ORDER BY GRANTEE",
    )[0]
    assert table.rows == [["'u'@'%'", r"shop\_a", "SELECT", "NO"], ["'v'@'%'", "shop_b", "INSERT", "YES"]]
    both = run(
        server,
        "SELECT GRANTEE, PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES "
        "WHERE GRANTEE = '''u''@''%''' "
        "UNION ALL SELECT GRANTEE, PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES "
        "WHERE TABLE_SCHEMA LIKE 'shop_b'",
    )[0]
    assert both.rows == [["'u'@'%'", "USAGE"], ["'v'@'%'", "INSERT"]]
    assert run(server, "SELECT User, Db, Select_priv FROM mysql.db WHERE User IN ('u')")[0].rows == [
        ["u", r"shop\_a", "Y"]
    ]
    assert run(server, "SELECT TO_USER, FROM_USER FROM mysql.role_edges")[0].rows == [["root", SUPER_ROLE]]


def test_a_tenant_sees_and_changes_only_itself(server: Server) -> None:
    run(server, "CREATE USER u; CREATE USER v; GRANT ALL ON `shop\\_a`.* TO u; GRANT ALL ON `shop\\_b`.* TO v")
    me = Who("u")
    assert {row[0] for row in run(server, "SELECT GRANTEE FROM information_schema.SCHEMA_PRIVILEGES", me)[0].rows} == {
        "'u'@'%'"
    }
    for sql, number in (
        ("SHOW GRANTS FOR v", 1044), ("SELECT * FROM mysql.user", 1142), ("CREATE USER w", 1227), ("DROP USER v", 1227),
        (r"GRANT SELECT ON `shop\_b`.* TO u", 1044), (r"GRANT SELECT ON `shop\_a`.* TO v", 1044),
        ("GRANT SELECT ON *.* TO u", 1045),
        ("DROP DATABASE shop_b", 1044), ("USE shop_b", 1044), ("USE mysql", 1044),
    ):  # fmt: skip
        with pytest.raises(MysqlError) as caught:
            run(server, sql, me)
        assert caught.value.number == number, sql
    assert run(server, "SHOW GRANTS", me)[0].columns == ["Grants for u@%"]


@pytest.mark.parametrize(
    ("pattern", "name", "meets"),
    [
        ("a_b", "axb", True),
        (r"a\_b", "axb", False),
        (r"a\_b", "a_b", True),
        ("a%", "abc", True),
        (r"a\%", "abc", False),
        ("%", "", True),
        ("a.c", "abc", False),
    ],
)
def test_database_names_in_grants_are_patterns(pattern: str, name: str, meets: bool) -> None:
    assert like(pattern, name) is meets
