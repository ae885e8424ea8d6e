"""Stage 5: Plan -> Outcome, as pure state machines: one change (`attempt`), many changes (`walk`).

Nothing here touches the world, reads a clock or throws dice: an engine feeds the machines with answers. Drivers
(threads, durable queues, simulation) live in engine/; choices about *what* to change live in planning/.
"""
