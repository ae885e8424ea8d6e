"""`spec.guards` of fleet.yaml: the limits that plans and their walks are held to.

Defaults are those of a fleet of 50,000 sites; "row" means a row of the table of safeguards in the study on reliability.
"""

from pydantic import Field

from reconciler.model.strict import Strict


class BlastRadius(Strict):
    percent: float = Field(
        1.0, gt=0, le=100, description="Share of live sites one plan may change, from 100 live sites on."
    )
    sites: int = Field(10, ge=1, description="Live sites one plan may change in a fleet below 100.")
    shard_percent: float = Field(30.0, gt=0, le=100, description="Share of a shard's resources one plan may change.")


class Destroys(Strict):
    """Tenants whose data may be destroyed, over all of the fleet (reliability §4 row 3). A replacement counts too."""

    per_hour: int = Field(5, ge=0, description="Tenants purged in any hour.")
    per_day: int = Field(50, ge=0, description="Tenants purged in any 24 hours.")


class Velocity(Strict):
    """How fast live sites may change (row 24). Creating what is new is not slowed."""

    project_per_second: int = Field(2, ge=1, description="Changing calls a second in one project.")
    fleet_per_second: int = Field(50, ge=1, description="Changing calls a second in all.")
    rollout_per_minute: int = Field(
        5,
        ge=1,
        description="Live tenants a minute in the first hour of a commit's rollout; 10 at least below 100 sites.",
    )
    project_percent_per_hour: float = Field(
        10.0,
        gt=0,
        le=100,
        description="Share of a project's live tenants changed in any hour (row 4), at least one; below 100 sites, 10.",
    )


class Retries(Strict):
    """Share of calls that may be repeats (row 25): beyond it the cloud is sick, and repeating makes it sicker."""

    percent: float = Field(10.0, ge=0, le=100, description="Repeated calls among the calls of the last 10 minutes.")
    floor: int = Field(20, ge=0, description="Repeated calls in 10 minutes that are always fine.")


class Breakers(Strict):
    """When a project, or everything, is paused because its calls fail (row 26)."""

    error_percent: float = Field(5.0, gt=0, le=100, description="Failed calls in the window that pause a project.")
    window_minutes: int = Field(5, ge=1, le=60, description="The window; and how long a project is paused.")
    calls: int = Field(20, ge=1, description="Fewest calls in the window that say anything.")
    projects_percent: float = Field(
        1.0, ge=0, le=100, description="Share of projects paused, at least two, beyond which everything is paused."
    )


class Quarantine(Strict):
    """When a tenant that fails again and again is parked (row 29)."""

    failures: int = Field(3, ge=1, description="Failed applies at the same commit that park a tenant.")
    parked: int = Field(20, ge=0, description="Parked tenants beyond which nothing is applied any more.")


class CostCeilings(Strict):
    """Most USD a month, while nobody visits, by the price book (spec.prices). What only saves is never refused."""

    tenant_usd: int | None = Field(500, ge=0, description="One tenant's own objects; null: no ceiling.")
    shard_usd: int | None = Field(5000, ge=0, description="One shard with all its tenants; null: no ceiling.")
    increase_usd: int | None = Field(
        None, ge=0, description="What one plan may add in all, savings set off; null (the default): no ceiling."
    )


class Guards(Strict):
    """Limits a plan, and every write of its walk, is held to."""

    blast_radius: BlastRadius = Field(default_factory=BlastRadius)
    shrink_percent: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Share of tenants that may vanish from the fleet between two versions.",
    )
    partial_read_percent: float = Field(
        90.0,
        ge=0,
        le=100,
        description="A list shorter than this share of what was known is a partial read.",
    )
    mass_drift_percent: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Share of tenants drifted in one sweep that stops the sweep, from 100 live sites on.",
    )
    plan_age_minutes: int = Field(
        60,
        ge=1,
        le=1440,
        description="Age at which a plan is made anew: one that waited for a confirmation, or whose apply was cut off.",
    )
    stateless_deletes: int = Field(5, ge=0, description="Stateless objects one plan may delete.")
    broken_files_percent: float = Field(
        0.5,
        ge=0,
        le=100,
        description="Share of files that may be wrong before a commit is refused; at least 10.",
    )
    tug_of_war_minutes: int = Field(
        60, ge=0, le=1440, description="A field undone once and changed again within so many minutes is left alone."
    )
    destroys: Destroys = Field(default_factory=Destroys, description="Tenants destroyed an hour and a day.")
    velocity: Velocity = Field(default_factory=Velocity, description="How fast live sites may change.")
    retries: Retries = Field(default_factory=Retries, description="Share of calls that may be repeats.")
    breakers: Breakers = Field(default_factory=Breakers, description="Pausing what keeps failing.")
    cost: CostCeilings = Field(default_factory=CostCeilings, description="What things may cost a month.")
    quarantine: Quarantine = Field(default_factory=Quarantine, description="Parking tenants that keep failing.")
