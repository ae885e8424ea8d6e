"""The whole list."""

from tests.mutants import (
    of_applying,
    of_audit,
    of_cost,
    of_durable,
    of_engine,
    of_fencing,
    of_forge,
    of_incidents,
    of_limits,
    of_observing,
    of_planning,
    of_policies,
    of_reviews,
    of_the_world,
    of_waves,
    of_webhooks,
)

MUTANTS = (
    *of_applying.MUTANTS,
    *of_audit.MUTANTS,
    *of_cost.MUTANTS,
    *of_durable.MUTANTS,
    *of_engine.MUTANTS,
    *of_fencing.MUTANTS,
    *of_forge.MUTANTS,
    *of_limits.MUTANTS,
    *of_planning.MUTANTS,
    *of_policies.MUTANTS,
    *of_the_world.MUTANTS,
    *of_waves.MUTANTS,
    *of_reviews.MUTANTS,
    *of_observing.MUTANTS,
    *of_webhooks.MUTANTS,
    *of_incidents.MUTANTS,
)
