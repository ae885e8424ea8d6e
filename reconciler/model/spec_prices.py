"""`spec.prices` of fleet.yaml: what of the built-in price book is otherwise for this organization.

Amounts are quoted texts, for they are exact: "0.0413".
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from reconciler.model.strict import Strict

PriceName = Literal[
    "sql.vcpu", "sql.memory", "sql.f1-micro", "sql.g1-small", "sql.disk", "sql.backup", "run.idle.cpu",
    "run.idle.memory", "run.active.cpu", "run.active.memory", "run.always.cpu", "run.always.memory", "run.requests",
    "secret.version", "storage.standard", "network.internet", "artifact.storage",
]  # fmt: skip
Assumed = Literal["shareOfTier", "requestsPerVisit", "secondsPerRequest", "backupPerDisk", "imagesPerShard"]
Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(\.[0-9]{1,10})?$")]
Percent = Annotated[str, StringConstraints(pattern=r"^(100|[0-9]{1,2}(\.[0-9]{1,2})?)$")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
PriceRegion = Annotated[str, StringConstraints(pattern=r"^[a-z]+-[a-z]+[0-9]{1,2}$")]


class PriceLine(Strict):
    """A price of your own, for one line of the book. It is final: neither discount nor region factor touches it."""

    usd: Amount = Field(description='USD for one unit of the line (`aipress cost --prices`), quoted: "0.035".')
    regions: dict[PriceRegion, Amount] = Field(
        default_factory=dict, description="USD in single regions, where it is another; quoted."
    )
    source: Annotated[str, StringConstraints(min_length=3, max_length=200)] = Field(
        description="Where the price stands: a contract, an invoice, a page."
    )
    date: Day = Field(description='The day it was read, quoted: "2026-11-01".')


class Prices(Strict):
    """What is otherwise than in Google's public list. The base branch's prices judge a pull request."""

    discount_percent: Percent = Field(
        "0", description='Negotiated discount on all list prices, percent, quoted: "12.5".'
    )
    lines: dict[PriceName, PriceLine] = Field(default_factory=dict, description="Prices of your own, by name.")
    assumptions: dict[Assumed, Amount] = Field(
        default_factory=dict, description="Assumptions about use, by name; quoted numbers."
    )
