"""What can be asked for by name: the samplers and schedules that this version has, with AUTOMATIC1111's names."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SamplerInfo:
    """A sampler; `options` and `aliases` are what `/sdapi/v1/samplers` shows."""

    name: str
    aliases: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)
    #: label of the schedule that "Automatic" means
    default_scheduler: str = "Uniform"
    #: walks the training timesteps themselves; the schedule asked for is only written down
    own_timesteps: bool = False


@dataclass(frozen=True)
class SchedulerInfo:
    """A schedule: how the noise levels are spread over the steps; `default_rho` is -1 where there is none."""

    name: str
    label: str
    aliases: tuple[str, ...] = ()
    default_rho: float = -1.0
    #: takes its levels from the model's own 1000
    need_inner_model: bool = False


SAMPLERS = (
    SamplerInfo("DPM++ 2M", ("k_dpmpp_2m",), {"scheduler": "karras"}, default_scheduler="Karras"),
    SamplerInfo("Euler a", ("k_euler_a", "k_euler_ancestral"), {"uses_ensd": "True"}),
    SamplerInfo("Euler", ("k_euler",)),
    SamplerInfo("DDIM", ("ddim",), own_timesteps=True),
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
