"""What of a request bends a sampler's loop, and what infotext says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from runtime.catalogue import SamplerInfo
from runtime.engine.samplers.unipc import SKIP_TYPES, VARIANTS
from runtime.engine.samplers.walk import Churn
from runtime.job_options import JobOptions
from runtime.request import Request, RequestError

CHURNED = ("Euler", "Heun", "DPM2")
#: the samplers that add noise which s_noise scales
NOISED = (
    *CHURNED, "Euler a", "DPM2 a", "DPM++ 2S a", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE",
    "DPM fast", "DPM adaptive", "Restart",
)  # fmt: skip
#: infotext's key and the value that is not written down
ETA_TEXT = {"eta_ancestral": ("Eta", 1.0), "eta_ddim": ("Eta DDIM", 0.0)}
UNIPC_TEXT = {
    "uni_pc_variant": "UniPC variant",
    "uni_pc_skip_type": "UniPC skip type",
    "uni_pc_order": "UniPC order",
    "uni_pc_lower_order_final": "UniPC lower order final",
}


@dataclass(frozen=True)
class Settings:
    """Numbers of one job; None takes the option's."""

    options: JobOptions = field(default_factory=JobOptions)
    eta: float | None = None
    s_churn: float | None = None
    s_tmin: float | None = None
    s_tmax: float | None = None
    s_noise: float | None = None

    @classmethod
    def of(cls, request: Request) -> Settings:
        return cls(request.options, request.eta, request.s_churn, request.s_tmin, request.s_tmax, request.s_noise)

    def eta_of(self, sampler: SamplerInfo) -> float:
        """Its eta; 0 for a sampler that has none."""
        if sampler.eta is None:
            return 0.0
        eta: float = getattr(self.options, sampler.eta) if self.eta is None else self.eta
        return _at_least_0("eta", eta)

    def churn_of(self, sampler: SamplerInfo) -> Churn:
        """Its churn; none for a sampler that does not know it. An upper end of 0 is infinity."""
        if sampler.name not in CHURNED:
            return Churn()
        amount, low, high = (self._number(name) for name in ("s_churn", "s_tmin", "s_tmax"))
        return Churn(amount, low, high or math.inf)

    def noise_of(self, sampler: SamplerInfo) -> float:
        """What fresh noise is multiplied by."""
        return self._number("s_noise") if sampler.name in NOISED else 1.0

    def _number(self, name: str) -> float:
        own: float | None = getattr(self, name)
        value: float = getattr(self.options, name) if own is None else own
        return value if name == "s_tmax" and value == math.inf else _at_least_0(name, value)

    def infotext(self, sampler: SamplerInfo) -> dict[str, str]:
        """The entries of what the sampler heeds and is not the default."""
        entries: dict[str, str] = {}
        if sampler.eta is not None:
            key, default = ETA_TEXT[sampler.eta]
            entries |= _unless(key, self.eta_of(sampler), default)
        churn = self.churn_of(sampler)
        entries |= _unless("Sigma churn", churn.amount, 0.0)
        entries |= _unless("Sigma tmin", churn.low, 0.0)
        entries |= _unless("Sigma tmax", churn.high, math.inf)
        entries |= _unless("Sigma noise", self.noise_of(sampler), 1.0)
        if sampler.name == "UniPC":
            for name, key in UNIPC_TEXT.items():
                entries |= _unless(key, getattr(self.options, name), getattr(JobOptions, name))
        return entries


def check_unipc(options: JobOptions) -> None:
    """RequestError for a choice of UniPC's that does not exist."""
    for name, value, known in (
        ("uni_pc_variant", options.uni_pc_variant, VARIANTS),
        ("uni_pc_skip_type", options.uni_pc_skip_type, SKIP_TYPES),
    ):
        if value not in known:
            raise RequestError("option-unknown", f"{name} is {value!r}.", f"It is one of {', '.join(known)}.")
    if not 1 <= options.uni_pc_order <= 50:
        raise RequestError("out-of-range", f"uni_pc_order is {options.uni_pc_order}.", "It goes from 1 to 50.")


def _at_least_0(name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise RequestError("out-of-range", f"{name} is {value}.", "It is a number from 0 up.")
    return value


def _unless(key: str, value: object, default: object) -> dict[str, str]:
    return {} if value == default else {key: str(value)}
