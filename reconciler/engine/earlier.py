"""What earlier runs on this host had begun when they were cut off: a hint for people, and tidying of the journal."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.ports import Intent, Journal
from reconciler.model.version import shard_label

_OPEN = (Result.INTERRUPTED, Result.SKIPPED, Result.FAILED, Result.STALE)
"""Ends after which what was sent may still stand there."""


def sent(journal: Journal) -> Mapping[Address, Body]:
    """Resource -> the body that an intent still open sent for it, the newest. What cannot be read is passed over."""
    found: dict[Address, Body] = {}
    for intent in journal.seen():
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            body = intent.change["body"]
            if intent.change["action"] != Action.DELETE and isinstance(body, dict):
                found[Address.parse(str(intent.change["resource"]))] = body
    return found


class Earlier:
    """The intents that were open when a run began, by resource."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._intents: dict[str, list[Intent]] = defaultdict(list)
        for intent in journal.open_intents():
            self._intents[str(intent.change.get("resource", ""))].append(intent)

    def told(self, change: Change) -> str:
        """A sentence for the start of a change that an earlier run had begun; "" for any other."""
        intents = self._intents.get(str(change.address))
        return f"an earlier run was cut off here at {intents[-1].at:%Y-%m-%d %H:%M:%S} UTC" if intents else ""

    def forget(self, plan: Plan, outcome: Outcome) -> None:
        """Close what this plan has looked at: settled by it, or found in order when it was made."""
        ends = {str(address): item.result for address, item in outcome.items.items()}
        for resource, intents in self._intents.items():
            end = ends.get(resource)
            for intent in intents:
                looked_at = shard_label(str(intent.change.get("shard", ""))) in plan.parents
                if end not in _OPEN and (end is not None or looked_at):
                    self._journal.close(intent.id)
