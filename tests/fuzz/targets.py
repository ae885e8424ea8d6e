"""What is fuzzed: each target takes bytes, may refuse them in the words of model/errors.py, and nothing else.

An assertion here is a promise: no crash, every refusal a diagnostic, a neighbour that goes on, bounded text.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.assemble import cloud_url
from reconciler.assemble import settings as resolve_settings
from reconciler.cli.plan_file import read_plan
from reconciler.engine.earlier import Earlier
from reconciler.engine.journal import FileJournal
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import AipressError, InputError
from reconciler.model.ids import Address, Target
from reconciler.model.order import Order
from reconciler.model.ports import TreeFile
from reconciler.report.diagnostics import FORMATS, Findings
from reconciler.report.markdown import CommentView, comment
from reconciler.report.ndjson import Stamp, plan_lines
from reconciler.report.style import PLAIN as STYLE
from reconciler.report.text import plan_text
from reconciler.source.check import check
from reconciler.source.document import MAX_DIAGNOSTICS, parse
from reconciler.source.load import load_files
from tests.fuzz.worlds import ACME, CAFE, EU, NOW, SHOP, VALID

PLAIN = 0o100644
MESSAGE = 2_000
"""Characters that no message of ours outgrows."""


@dataclass
class MemoryFiles:
    """Fleet files that never were on a disk. No blob ids, so nothing is remembered from one input to the next."""

    texts: Mapping[str, bytes]
    commit: str = "c" * 40
    modes: Mapping[str, int] = field(default_factory=dict)

    def files(self) -> Sequence[TreeFile]:
        return [TreeFile(path, "", self.modes.get(path, PLAIN)) for path in sorted(self.texts)]

    def read(self, file: TreeFile, limit: int) -> bytes:
        return self.texts[file.path][: limit + 1]


def document(content: bytes) -> None:
    """One file at each place where it could stand: parsed, checked, and its diagnostics printed in every format."""
    for path in (ACME, EU, "tiers/silver.yaml", "fleet.yaml"):
        parsed = parse(content, path)
        found_document, found = check(parsed)
        assert (found_document is None) == bool(found), found
        assert len(found) <= 3 * MAX_DIAGNOSTICS + 5, len(found)
        lines = parsed.text.count("\n") + parsed.text.count("\r") + 1
        for diagnostic in found:
            assert 1 <= diagnostic.position.line <= lines or not parsed.text, diagnostic
            said(diagnostic)
        rendered(found)


def fleet(content: bytes) -> None:
    """The same in a whole fleet."""
    elsewhere = (EU, "tiers/silver.yaml", "fleet.yaml")
    in_a_fleet(ACME, content)
    in_a_fleet(elsewhere[len(content) % 3], content)


def in_a_fleet(path: str, content: bytes) -> tuple[Diagnostic, ...]:
    """The valid fleet with one file of it changed. A bad tenant file freezes that tenant, and its neighbours go on."""
    texts = {name: text.encode() for name, text in VALID.items()}
    loaded = load_files(MemoryFiles({**texts, path: content}))
    for diagnostic in loaded.diagnostics:
        said(diagnostic)
    if path == ACME:
        assert "acme-bakery" in loaded.tenants or "tenant/acme-bakery" in loaded.frozen, loaded.diagnostics
        claimed = {d.file for d in loaded.errors} & {CAFE, SHOP}
        others = {CAFE: "harbour-cafe", SHOP: "corner-shop"}
        assert {name for file, name in others.items() if file not in claimed} <= loaded.tenants.keys()
    return loaded.diagnostics


def plan_file(content: bytes) -> None:
    """A saved plan: refused in words, or read and printed in every format."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.json")
        file.write_bytes(content)
        try:
            plan = read_plan(file)
        except InputError as error:
            bounded(str(error))
            return
    assert len(comment(plan, CommentView())) <= CommentView().characters
    plan_text(plan)
    list(plan_lines(plan, Stamp(NOW, "0")))


def order(content: bytes) -> None:
    """What a durable engine gives back from its database."""
    try:
        row = json.loads(content)
    except (ValueError, RecursionError):
        return
    with suppress(ValueError):
        Order.from_json(row)


def journal(content: bytes) -> None:
    """A journal of intents: read, or moved aside with a notice; and then it can be written."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "intents.jsonl").write_bytes(content)
        kept = FileJournal(Path(folder))
        intents = kept.open_intents()
        bounded(kept.notice)
        Earlier(kept)
        kept.close("nobody")
        for intent in intents[:3]:
            kept.record(intent)
        assert len(FileJournal(Path(folder)).open_intents()) == len(intents)


def names(content: bytes) -> None:
    """Targets and addresses as people type them and plans carry them: what is read says itself again."""
    text = content.decode("utf-8", "surrogateescape")
    with suppress(ValueError):
        assert str(Target.parse(text)) == text.removesuffix("@"), text
    with suppress(ValueError):
        assert Address.parse(str(Address.parse(text))) == Address.parse(text)


def settings(content: bytes) -> None:
    """An aipress.toml and a cloud.json: read, or refused in words."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "state")
        state.mkdir()
        Path(folder, "aipress.toml").write_bytes(content)
        (state / "cloud.json").write_bytes(content)
        for flags in ({"directory": folder}, {"directory": folder, "cloud": "local", "cloud_state": str(state)}):
            try:
                chosen = resolve_settings(flags)
                cloud_url(chosen)
                assert 1 <= chosen.parallel <= 64
            except AipressError as error:
                bounded(str(error))
                bounded(error.hint)


def said(diagnostic: Diagnostic) -> None:
    bounded(diagnostic.message)
    bounded(diagnostic.help)
    assert diagnostic.message and diagnostic.code, diagnostic
    assert len(diagnostic.excerpt) <= 1_000


def bounded(text: str) -> None:
    assert len(text) <= MESSAGE, f"{len(text)} characters: {text[:200]!r}"


def rendered(found: Sequence[Diagnostic]) -> None:
    findings = Findings(tuple(found), 1)
    for layout in FORMATS.values():
        text = layout(findings, STYLE)
        text.encode()
        assert all(c.isprintable() or c in "\n" for c in text), repr(text[:500])


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "document": document, "fleet": fleet, "plan": plan_file, "order": order, "journal": journal, "names": names,
    "settings": settings,
}  # fmt: skip
