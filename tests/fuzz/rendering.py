"""One hostile text in every place of a plan that somebody else writes, printed in every way that we print.

A CommonMark parser says what took effect: nothing may, outside code, that holds the mark put around the text.
"""

import html.parser
import json
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.plan import Action, Change, FieldChange, GuardVerdict, Plan, Verdict
from reconciler.report.diagnostics import FORMATS, Findings
from reconciler.report.markdown import CommentView, comment
from reconciler.report.ndjson import Stamp, plan_lines
from reconciler.report.style import PLAIN
from reconciler.report.text import PlanView, plan_text
from tests.fuzz.worlds import NOW

MARK = "zqxmark"
"""Stands before and behind the hostile text; our own words never say it."""
VIEW = CommentView(
    url="https://aipress.example/plans/1", blob_url="https://git.example/org/fleet/blob/b81d7aa", version="0.1.0"
)
OURS = (VIEW.url, VIEW.blob_url)
TAGS = {"details", "summary", "code", "br", "sub"}
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def words(content: bytes) -> None:
    everywhere(content.decode("utf-8", "surrogateescape"))


def everywhere(text: str) -> None:
    """Every report of a plan that holds the text everywhere."""
    plan = hostile_plan(text)
    shown = comment(plan, VIEW)
    assert len(shown) <= VIEW.characters
    assert len(shown.encode()) <= VIEW.octets
    judge_markdown(shown)
    assert ("**" in shown.split("\n")[1] and "lose objects" in shown) or "loses objects" in shown, (
        "the grave part is never left out"
    )
    assert "[!CAUTION]" in shown
    for view in (PlanView(), PlanView(everything=True)):
        _printable(plan_text(plan, view))
    for line in plan_lines(plan, Stamp(NOW, "0")):
        _printable(str(json.loads(line)["@message"]))
    findings = Findings(plan.diagnostics, 1)
    for name, layout in FORMATS.items():
        printed = layout(findings, PLAIN)
        printed.encode()
        if name in ("full", "concise", "github"):
            _printable(printed)
        elif name == "sarif":
            for result in json.loads(printed)["runs"][0]["results"]:
                _printable(result["message"]["text"])


def hostile_plan(text: str) -> Plan:
    said = f"{MARK}{text}{MARK}"
    acme = Target(TargetKind.TENANT, "acme-bakery")
    odd, shard = Target(TargetKind.TENANT, said), Target(TargetKind.SHARD, said)
    fields = (FieldChange(f"env[{said}].value", said, {"k": [said]}), FieldChange(said, None, said))

    def change(target: Target, kind: str, action: Action, **more: Any) -> Change:
        given: dict[str, Any] = {"body": {}, "source": f"{said}:1", "shard": said, "reason": said, **more}
        return Change(
            Address(target, kind, said), said, said, action, given["reason"], given["body"], "absent", given["source"],
            given["shard"], "k3v9x2ma", given.get("fields", ()), approval=said, drift=True,
        )  # fmt: skip

    changes = (
        change(acme, "run.service", Action.UPDATE, fields=fields),
        change(odd, "secret", Action.CREATE, body={"labels": {said: said}}),
        change(odd, "sql.database", Action.DELETE, body={"name": said}),
        change(shard, "storage.bucket", Action.REPLACE),
        change(Target(TargetKind.FLEET), said, Action.ADOPT),
    )  # fmt: skip
    guards = (
        GuardVerdict(said, odd, Verdict.REFUSE, said), GuardVerdict("capacity", shard, Verdict.WARN, said),
        GuardVerdict(said, acme, Verdict.PASS, said),
    )  # fmt: skip
    found = (
        Diagnostic("AP103", Severity.ERROR, said, said, Position(1, 1, 9), said, said[:1000]),
        Diagnostic("AP301", Severity.NOTE, said, said, Position(1, 1)),
    )  # fmt: skip
    return Plan("local:test", said, said, {"shard/x": None}, changes, guards, found, scope=(said,))


def judge_markdown(page: str) -> None:
    for token in _MARKDOWN.parse(page):
        _judge(token)


def _judge(token: Token) -> None:
    for child in token.children or ():
        _judge(child)
    if token.type in ("image", "heading_open") and token.type == "image":
        raise AssertionError(f"an image: {token.attrs}")
    if token.type == "link_open":
        assert str(token.attrs["href"]).startswith(OURS), token.attrs
    elif token.type in ("html_block", "html_inline"):
        reader = _Reader()
        reader.feed(token.content)
        reader.close()
    elif token.type == "text":
        assert MARK not in token.content and "@" not in token.content, repr(token.content[:300])
        assert "http" not in token.content, repr(token.content[:300])


class _Reader(html.parser.HTMLParser):
    """Only our own tags, none with an attribute, and tenant text only inside <code>."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS and not attrs, (tag, attrs)
        self.code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        assert tag in TAGS, tag
        self.code -= tag == "code"

    def handle_data(self, data: str) -> None:
        assert self.code or (MARK not in data and "@" not in data), repr(data[:300])

    def handle_comment(self, data: str) -> None:
        assert data.startswith(" aipress:comment v=1 "), data
        assert "@" not in data and "<" not in data, data

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    handle_pi = unknown_decl = handle_decl


def _printable(text: str) -> None:
    bad = next((c for c in text if not (c.isprintable() or c == "\n")), "")
    assert not bad, f"U+{ord(bad):04X} in {text[:200]!r}"
