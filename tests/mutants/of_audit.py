"""Planted bugs in the audit log: what is not told, and what is believed although it was cut or edited."""

from tests.mutants.mutant import Mutant

WORDS, FILES, TRAIL, HISTORY, EFFECTS = (
    "reconciler/model/audit.py", "reconciler/engine/audit.py", "reconciler/engine/trail.py", "reconciler/history/audited.py",
    "reconciler/engine/effects.py",
)  # fmt: skip
DISK, TOLD = ("tests/engine/test_audit_files.py",), ("tests/cycle/test_what_the_audit_log_tells.py",)

WAY, ON_IT = "reconciler/actions/trace.py", ("tests/cycle/test_the_way_of_a_commit.py",)

MUTANTS = (
    Mutant(WAY, "        if not self._reaches(self.head):", "        if False:", "a commit beside the branch is told as one that waits", ON_IT),
    Mutant(WAY, "            if hold.active(now) and", "            if not hold.active(now) and", "trace does not say that the target is on hold", ON_IT),
    Mutant(WAY, "            yield from self._stands()\n", "", "trace does not say what stops a commit", ON_IT),
    Mutant(WORDS, "found.before != before.digest:", "False:", "a record that was edited is believed", DISK),
    Mutant(WORDS, "(TORN, self.left)", "(found.note.what, found.before)", "a line that was garbled passes for one that a crash tore", DISK),
    Mutant(WORDS, "if anchor.number > reading.last.number:", "if False:", "a log that lost its end is told as another fault", DISK),
    Mutant(WORDS, "elif found != anchor.digest:", "elif False:", "a log that was written anew is believed", DISK),
    Mutant(WORDS, "(found.number, found.before) != (1, \"\"):", "False:", "a log that lost its beginning is whole", DISK),
    Mutant(FILES, "os.fstat(self._handle).st_size != end.size or ", "", "a second process forks the chain", DISK),
    Mutant(FILES, "        if os.write(self._handle, content) != len(content):", "        if os.write(self._handle, content) < 0:", "a record that is half on a full disk counts as written", DISK),
    Mutant(FILES, "if end.size >= SEGMENT:", "if False:", "the log is one file for ever", DISK),
    Mutant(EFFECTS, "        self.trail.begun(change, call, plan)\n", "", "a write is not told", TOLD),
    Mutant(EFFECTS, "        self.trail.opened(order)\n", "", "nobody knows who wrote", TOLD),
    Mutant(FILES, "        return not known\n", "        return True\n", "a hold fills the log, a record at every look", TOLD),
    Mutant(HISTORY, "audit=str(anchor) if anchor else \"\"", "audit=\"\"", "versions do not name the log's newest record", TOLD),
)  # fmt: skip
