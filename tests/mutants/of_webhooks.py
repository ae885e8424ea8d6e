"""Planted bugs in the door: who is believed, what a delivery does, who may hold a place, and how a clone follows."""

from tests.mutants.mutant import Mutant

SIGNED, HINTS, INBOX, DESK, DOOR, LISTENING, FOLLOWING = (
    "reconciler/forge/signatures.py", "reconciler/forge/hints.py", "reconciler/daemon/inbox.py", "reconciler/daemon/desk.py",
    "reconciler/daemon/door.py", "reconciler/daemon/listening.py", "reconciler/daemon/following.py",
)  # fmt: skip
WHO, WHAT, KEPT, AT, AFTER = (
    ("tests/forge/test_signatures.py",), ("tests/forge/test_hints.py",), ("tests/daemon/test_inbox.py",),
    ("tests/daemon/test_the_door.py",), ("tests/daemon/test_following_a_remote.py",),
)  # fmt: skip

MUTANTS = (
    Mutant(SIGNED, "(now.timestamp() - int(at)) <= WINDOW", "(now.timestamp() - int(at)) <= 9e9", "a signed delivery of last year is believed", WHO),
    Mutant(SIGNED, "if len(found) == 1 and", "if found and", "of two signatures the first is taken", WHO),
    Mutant(SIGNED, 'f"{identity}.{at}.".encode() + delivery.body)', "delivery.body)", "GitLab's id and time are not signed", WHO),
    Mutant(SIGNED, "genuine |= hmac", "genuine = hmac", "the first of two live secrets is refused", WHO),
    Mutant(SIGNED, "any(len(one) < LEAST_LENGTH for one in given)", "False", "an empty secret is accepted at the start", WHO),
    Mutant(HINTS, "RecursionError)", "KeyError)", "deep JSON ends the daemon's desk", WHAT),
    Mutant(HINTS, "len(refs) > MOST_REFS or ", "", "a push of a thousand refs fills the inbox", WHAT),
    Mutant(INBOX, "WHERE mark = ? AND at > ?", "WHERE mark = ? AND at < ?", "a replayed delivery counts again", KEPT),
    Mutant(INBOX, "                self._at.rollback()\n", "", "what a full inbox refused is half kept", KEPT),
    Mutant(INBOX, "AND times = ? AND last = ?", "AND ? > 0 AND ? > 0", "a push is lost that comes while another is looked after", KEPT),
    Mutant(DESK, "if fleet and outcome in (Outcome.ACCEPTED, Outcome.FULL)", "if fleet", "a replay starts a cycle", AT),
    Mutant(DOOR, "        if length > MOST_BODY:", "        if False:", "a body of any size is read", AT),
    Mutant(DOOR, "            self._reading -= length", "            pass", "the door takes less and less at a time, and then nothing", AT),
    Mutant(LISTENING, "        if self._late is None:\n            self._wait()\n", "", "an empty line now and then holds a connection for ever", AT),
    Mutant(LISTENING, "one is not self and not one.whole", "one is not self", "a delivery that is all there is cut off for another", AT),
    Mutant(FOLLOWING, '"--show-forced-updates"', '"--no-show-forced-updates"', "a rewound branch is followed backwards", AFTER),
    Mutant(FOLLOWING, "if not rung and self._asked", "if self._asked", "a webhook does not make serve look", AFTER),
)  # fmt: skip
