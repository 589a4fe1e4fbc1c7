"""What can be asked for by name: samplers and schedules, with AUTOMATIC1111's names, aliases and order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class SamplerInfo:
    """A sampler; `options` and `aliases` are what `/sdapi/v1/samplers` shows, every value a string."""

    name: str
    aliases: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)
    #: walks the training timesteps themselves; the schedule asked for is only written down
    own_timesteps: bool = False
    #: chooses its steps by the error that it sees, so that images drawn together would change each other
    adaptive: bool = False
    #: the option that holds its eta; None where it has none
    eta: Literal["eta_ancestral", "eta_ddim"] | None = None

    @property
    def default_scheduler(self) -> str:
        """Label of the schedule that "Automatic" means."""
        return self.options.get("scheduler", "uniform").title()

    @property
    def uses_ensd(self) -> bool:
        """Is `ENSD` written into its pictures?"""
        return "uses_ensd" in self.options

    @property
    def second_order(self) -> bool:
        """Does it ask the U-Net twice a step, so that prompt editing counts twice the steps?"""
        return "second_order" in self.options

    @property
    def discards_penultimate(self) -> bool:
        """Is its schedule one longer, and the last level before 0 left out?"""
        return "discard_next_to_last_sigma" in self.options

    @property
    def brownian(self) -> bool:
        """Does its fresh noise come from a Brownian tree?"""
        return "brownian_noise" in self.options


@dataclass(frozen=True)
class SchedulerInfo:
    """A schedule: how the noise levels are spread over the steps; `default_rho` is -1 where there is none."""

    name: str
    label: str
    aliases: tuple[str, ...] = ()
    default_rho: float = -1.0
    #: takes its levels from the model's own 1000
    need_inner_model: bool = False


def _flags(scheduler: str | None, *flags: str) -> dict[str, str]:
    return {**({"scheduler": scheduler} if scheduler else {}), **dict.fromkeys(flags, "True")}


SAMPLERS = (
    SamplerInfo("DPM++ 2M", ("k_dpmpp_2m",), _flags("karras")),
    SamplerInfo("DPM++ SDE", ("k_dpmpp_sde",), _flags("karras", "second_order", "brownian_noise"), eta="eta_ancestral"),
    SamplerInfo("DPM++ 2M SDE", ("k_dpmpp_2m_sde",), _flags("exponential", "brownian_noise"), eta="eta_ancestral"),
    SamplerInfo(
        "DPM++ 2M SDE Heun",
        ("k_dpmpp_2m_sde_heun",),
        {**_flags("exponential", "brownian_noise"), "solver_type": "heun"},
        eta="eta_ancestral",
    ),
    SamplerInfo("DPM++ 2S a", ("k_dpmpp_2s_a",), _flags("karras", "uses_ensd", "second_order"), eta="eta_ancestral"),
    SamplerInfo(
        "DPM++ 3M SDE",
        ("k_dpmpp_3m_sde",),
        _flags("exponential", "discard_next_to_last_sigma", "brownian_noise"),
        eta="eta_ancestral",
    ),
    SamplerInfo("Euler a", ("k_euler_a", "k_euler_ancestral"), _flags(None, "uses_ensd"), eta="eta_ancestral"),
    SamplerInfo("Euler", ("k_euler",)),
    SamplerInfo("LMS", ("k_lms",)),
    SamplerInfo("Heun", ("k_heun",), _flags(None, "second_order")),
    SamplerInfo("DPM2", ("k_dpm_2",), _flags("karras", "discard_next_to_last_sigma", "second_order")),
    SamplerInfo(
        "DPM2 a",
        ("k_dpm_2_a",),
        _flags("karras", "discard_next_to_last_sigma", "uses_ensd", "second_order"),
        eta="eta_ancestral",
    ),
    SamplerInfo("DPM fast", ("k_dpm_fast",), _flags(None, "uses_ensd"), eta="eta_ancestral"),
    SamplerInfo("DPM adaptive", ("k_dpm_ad",), _flags(None, "uses_ensd"), adaptive=True, eta="eta_ancestral"),
    SamplerInfo("Restart", ("restart",), _flags("karras", "second_order")),
    SamplerInfo("DDIM", ("ddim",), own_timesteps=True, eta="eta_ddim"),
    SamplerInfo("DDIM CFG++", ("ddim_cfgpp",), own_timesteps=True, eta="eta_ddim"),
    SamplerInfo("PLMS", ("plms",), own_timesteps=True),
    SamplerInfo("UniPC", ("unipc",), own_timesteps=True),
    SamplerInfo("LCM", ("k_lcm",)),
)

SCHEDULERS = (
    SchedulerInfo("automatic", "Automatic"),
    SchedulerInfo("uniform", "Uniform", need_inner_model=True),
    SchedulerInfo("karras", "Karras", default_rho=7.0),
    SchedulerInfo("exponential", "Exponential"),
    SchedulerInfo("polyexponential", "Polyexponential", default_rho=1.0),
    SchedulerInfo("sgm_uniform", "SGM Uniform", ("SGMUniform",), need_inner_model=True),
    SchedulerInfo("kl_optimal", "KL Optimal"),
    SchedulerInfo("align_your_steps", "Align Your Steps"),
    SchedulerInfo("simple", "Simple", need_inner_model=True),
    SchedulerInfo("normal", "Normal", need_inner_model=True),
    SchedulerInfo("ddim", "DDIM", need_inner_model=True),
    SchedulerInfo("beta", "Beta", need_inner_model=True),
)


def find_scheduler(name: str) -> SchedulerInfo | None:
    """By name, label or alias, in any letter case; None if there is none."""
    wanted = name.strip().casefold()
    for scheduler in SCHEDULERS:
        if wanted in (spelling.casefold() for spelling in (scheduler.name, scheduler.label, *scheduler.aliases)):
            return scheduler
    return None


def find_sampler(name: str) -> tuple[SamplerInfo, str | None] | None:
    """The sampler, and the schedule's label if it was part of the name ("DPM++ 2M Karras"); None if unknown.

    Letter case does not matter. As in AUTOMATIC1111's API, `k_…` aliases are not names.
    """
    wanted = " ".join(name.split()).casefold()
    for sampler in SAMPLERS:
        if wanted == sampler.name.casefold():
            return sampler, None
        for scheduler in SCHEDULERS[1:]:
            if wanted == f"{sampler.name} {scheduler.label}".casefold():
                return sampler, scheduler.label
    return None


def effective_scheduler(sampler: SamplerInfo, scheduler: str) -> str:
    """The label of the schedule that really runs: "Automatic" and unknown labels become the sampler's own."""
    found = find_scheduler(scheduler)
    return sampler.default_scheduler if found is None or found.label == "Automatic" else found.label


def written_scheduler(sampler: SamplerInfo, scheduler: str) -> str:
    """What infotext says under `Schedule type`: Karras for DPM++ 2M under Automatic, Automatic for Euler a."""
    found = find_scheduler(scheduler)
    if found is not None and found.label != "Automatic":
        return found.label
    return "Automatic" if sampler.default_scheduler == "Uniform" else sampler.default_scheduler
