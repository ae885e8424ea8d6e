"""`spec.waves` of fleet.yaml: how a change of many live sites is walked. Defaults: reliability.md §4 row 9."""

from typing import Annotated

from pydantic import Field, StringConstraints

from reconciler.model.strict import Strict, TenantName

Duration = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}(s|m|h|d)$")]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class WaveStep(Strict):
    """How far the sites of a plan may be walked in all once this wave is over. One of `sites` and `percent`."""

    sites: int | None = Field(None, ge=1, le=100_000, description="Live sites walked once this wave is over.")
    percent: float | None = Field(
        None, gt=0, le=100, description="The same, as a share of the fleet's live sites; 100 is the last wave."
    )
    bake: Duration = Field("0s", description="Time after this wave before the next may start: 30s, 10m, 4h, 1d.")

    @property
    def bake_seconds(self) -> int:
        return int(self.bake[:-1]) * _SECONDS[self.bake[-1]]

    def reach(self, live: int) -> int:
        """Sites walked in all once this wave is over, of so many live ones."""
        return self.sites if self.sites is not None else int(live * (self.percent or 100) / 100)


class WaveAbort(Strict):
    """When later waves are not walked any more. A site that was healthy before its wave and is not now always does."""

    percent: float = Field(2.0, gt=0, le=100, description="Share of a wave's sites that failed.")
    failures: int = Field(3, ge=1, le=10_000, description="Failed sites of a wave, whatever its size.")


class WavesProbe(Strict):
    """What is asked between two waves beside Cloud Run: the public URL of the sites of the wave at hand. One that
    answered before its wave and answers an error after it ends the waves. Silence is neither: it is waited out."""

    enabled: bool = Field(True, description="false: Cloud Run's own word is enough.")
    path: str = Field(
        "/", pattern=r"^/[A-Za-z0-9/._~-]{0,199}$", description="Path that is asked of every site, with GET."
    )
    timeout_seconds: int = Field(10, ge=1, le=60, description="Time for one answer.")
    sites: int = Field(
        200, ge=1, le=1000, description="Sites of one wave that are asked at most, the same ones each time."
    )


def _steps() -> list[WaveStep]:
    """1 → 10 → 1 % → 10 % → 50 % → 100 %, with 10 min, 30 min, 1 h, 4 h and 4 h between them."""
    reach: list[dict[str, object]] = [
        {"sites": 1, "bake": "10m"}, {"sites": 10, "bake": "30m"}, {"percent": 1.0, "bake": "1h"},
        {"percent": 10.0, "bake": "4h"}, {"percent": 50.0, "bake": "4h"}, {"percent": 100.0},
    ]  # fmt: skip
    return [WaveStep.model_validate(row) for row in reach]


class WavesSpec(Strict):
    enabled: bool = Field(
        True, description="false: a plan above the blast radius is refused instead of walked in waves."
    )
    canaries: list[TenantName] = Field(
        default_factory=list, max_length=50,
        description="Tenants walked first; default the first site by name of the cheapest tier that changes.",
    )  # fmt: skip
    steps: list[WaveStep] = Field(
        default_factory=_steps, min_length=1, max_length=20,
        description="How far each wave reaches, and how long it bakes; what no step reaches is one wave more.",
    )  # fmt: skip
    abort: WaveAbort = Field(default_factory=WaveAbort, description="When later waves are not walked any more.")
    probe: WavesProbe = Field(default_factory=WavesProbe, description="How sites are asked whether they are well.")
