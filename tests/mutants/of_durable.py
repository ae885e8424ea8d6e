"""Planted bugs in applies that outlive their process: the engine on DBOS."""

from tests.mutants.mutant import Mutant

WALKING, ATTENDING, SHOP, PULSE = (
    f"reconciler/engine/durable/{name}.py" for name in ("walking", "attending", "shop", "pulse")
)
ALIVE = ("tests/engine/test_durable_pulse.py",)


def crash(test: str) -> tuple[str, ...]:
    return (f"tests/engine/test_durable_crashes.py::test_{test}",)


MUTANTS = (
    Mutant(WALKING, 'self.steps.run("wait", change.address,', 'self.steps.run("begin", change.address,', "two steps share a name: the journal answers one with the other",
        crash("what_was_cut_off_is_gone_on_with_and_nothing_is_called_twice"),
    ),
    Mutant(SHOP, "            if not current(order):", "            if False:", "a plan that is not current is gone on with after a crash (AWS 2025)",
        crash("a_plan_that_is_not_current_any_more_is_never_walked"),
    ),
    Mutant(SHOP, '            self._shut(entry, "nobody went on with it")', "            pass", "what nobody went on with blocks its shard for ever",
        crash("what_nobody_went_on_with_does_not_block_its_shard"),
    ),
    Mutant(ATTENDING, "            if part.needs <= self.over.keys():", "            if True:", "a shard is walked before what it waits for", crash("parts_of_several_shards_go_on_from_where_each_was")),
    Mutant(ATTENDING, "        except Exception as error:  # kept and raised at the end: the other shards go on\n            self.errors.append(error)\n            return\n",
        "        except Exception:\n            pass\n", "a version that could not be published counts as published",
        ("tests/engine/test_the_engine_port.py::test_a_version_that_cannot_be_published_does_not_keep_other_shards_from_being_applied",),
    ),
    Mutant(PULSE, "        if left > self.terms.longest_call and not self._lapsed:", "        if left > 0 and not self._lapsed:", "a call outlives the sign of life it left under", ALIVE),
    Mutant(PULSE, "        self._lapsed = self._lapsed or late", "        self._lapsed = False", "who slept through its life writes again once its heart beats", ALIVE),
    Mutant(PULSE, "        why = self.stopped()\n        return Halt(why) if why else None", "        return None", "a sign of life is asked for between changes only", ALIVE),
)  # fmt: skip
