"""The sigmas of one job: its schedule under the options that bend it, and what infotext says of that."""

from __future__ import annotations

import math

from runtime.catalogue import SamplerInfo, effective_scheduler, find_scheduler
from runtime.engine.schedules.levels import Levels
from runtime.engine.schedules.spread import SCHEDULES, Range, Schedule
from runtime.job_options import JobOptions
from runtime.request import RequestError

#: the ends that Karras schedules had before AUTOMATIC1111 asked the model for them
OLD_ENDS = (0.1, 10.0)


def plan_sigmas(
    sampler: SamplerInfo, scheduler: str, steps: int, options: JobOptions, levels: Levels
) -> tuple[list[float], dict[str, str]]:
    """(falling sigmas, the last one 0; infotext entries); RequestError where the options leave no range."""
    label = effective_scheduler(sampler, scheduler)
    infotext: dict[str, str] = {}
    extra = discards(sampler, options, infotext)
    span = Range.whole(levels)
    named = find_scheduler(scheduler)
    if label != "Uniform" or (named is not None and named.label != "Automatic"):
        span = _range(label, options, levels, infotext)
    sigmas = _usable(SCHEDULES[label], steps + extra, span)
    return ([*sigmas[:-2], sigmas[-1]] if extra else sigmas), infotext


def _usable(schedule: Schedule, n: int, span: Range) -> list[float]:
    """The schedule's levels; numbers that bend it until there are none, as a rho near 0 does, are refused."""
    try:
        sigmas = schedule(n, span)
    except OverflowError:
        sigmas = [math.inf]
    if not all(0 < sigma < math.inf for sigma in sigmas[:-1] or sigmas):
        message = (
            f"With a rho of {span.rho}, alpha {span.beta_alpha} and beta {span.beta_beta} the schedule has no end."
        )
        raise RequestError("out-of-range", message, "Set rho to 0, beta_dist_alpha and beta_dist_beta to 0.6.")
    return sigmas


def discards(sampler: SamplerInfo, options: JobOptions, infotext: dict[str, str]) -> bool:
    """Is the last level before 0 left out? Written down where it is the option's doing."""
    if sampler.discards_penultimate:
        return True
    if options.always_discard_next_to_last_sigma:
        infotext["Discard penultimate sigma"] = "True"
    return options.always_discard_next_to_last_sigma


def _range(label: str, options: JobOptions, levels: Levels, infotext: dict[str, str]) -> Range:
    """Where the schedule goes from and to, in the order in which infotext tells it."""
    low, high = OLD_ENDS if options.use_old_karras_scheduler_sigmas else (levels.smallest, levels.largest)
    if options.sigma_min and options.sigma_min != levels.smallest:
        low = options.sigma_min
        infotext["Schedule min sigma"] = str(low)
    if options.sigma_max and options.sigma_max != levels.largest:
        high = options.sigma_max
        infotext["Schedule max sigma"] = str(high)
    if not 0 < low < high < math.inf:
        message = f"The schedule would go from sigma {high:.4g} down to {low:.4g}."
        raise RequestError("out-of-range", message, "Set sigma_min below sigma_max, or both to 0.")
    found = find_scheduler(label)
    rho = None
    if found is not None and found.default_rho != -1 and options.rho not in (0, found.default_rho):
        rho = _positive("rho", options.rho)
        infotext["Schedule rho"] = str(rho)
    if label == "Beta":
        infotext["Beta schedule alpha"] = str(options.beta_dist_alpha)
        infotext["Beta schedule beta"] = str(options.beta_dist_beta)
    alpha, beta = (_positive(f"beta_dist_{end}", getattr(options, f"beta_dist_{end}")) for end in ("alpha", "beta"))
    return Range(levels, low, high, rho, alpha, beta)


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise RequestError("out-of-range", f"{name} is {value}.", "It is a number above 0.")
    return value
