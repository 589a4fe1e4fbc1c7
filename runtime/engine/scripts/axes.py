"""What each axis of the X/Y/Z plot does to a request."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import PurePath
from typing import Any

from runtime import catalogue
from runtime.engine.scripts import values as read
from runtime.request import LARGEST_SEED, Request, RequestError
from runtime.script_table import AxisInfo

Values = Sequence[Any]
#: (request, value, all values of the axis) -> the request of one cell
Apply = Callable[[Request, Any, Values], Request]


@dataclass(frozen=True)
class Axis:
    """How an axis reads its values, changes a request and is labelled."""

    read: Callable[[str, Values], Values]
    apply: Apply
    #: the label is the value alone
    bare: bool = False
    #: how dear a change is: the dearest changes least often while the cells are drawn
    cost: int = 0


def _texts(_axis: str, values: Values) -> Values:
    return [str(value) for value in values]


def _refiners(_axis: str, values: Values) -> Values:
    return [None if str(value).strip().lower() in ("", "none") else str(value) for value in values]


def _of_request(name: str) -> Apply:
    return lambda request, value, _values: replace(request, **{name: value})


def _of_options(name: str) -> Apply:
    return lambda request, value, _values: replace(request, options=replace(request.options, **{name: value}))


def _of_hires(name: str) -> Apply:
    def apply(request: Request, value: Any, _values: Values) -> Request:
        if request.hires is None:
            raise RequestError("axis-value", "This axis needs hires fix, which is off.", "Turn hires fix on.")
        return replace(request, hires=replace(request.hires, **{name: value}))

    return apply


def _of_start(name: str) -> Apply:
    def apply(request: Request, value: Any, _values: Values) -> Request:
        if request.start is None:
            raise RequestError("axis-value", "This axis needs img2img.", "Choose another axis.")
        return replace(request, start=replace(request.start, **{name: value}))

    return apply


def _denoising(request: Request, value: Any, values: Values) -> Request:
    where = _of_start if request.start is not None else _of_hires
    return where("denoising_strength")(request, value, values)


def _noise_multiplier(request: Request, value: Any, values: Values) -> Request:
    apply = _of_options if request.start is None else _of_start
    return apply("initial_noise_multiplier")(request, value, values)


def _search_and_replace(request: Request, value: Any, values: Values) -> Request:
    """The first value is what the others take the place of."""
    wanted = str(values[0])
    if wanted not in request.prompt and wanted not in request.negative_prompt:
        message = f"Prompt S/R did not find {wanted!r} in the prompt or the negative prompt."
        raise RequestError("axis-value", message, "The first value is the text to replace.")
    return replace(
        request,
        prompt=request.prompt.replace(wanted, str(value)),
        negative_prompt=request.negative_prompt.replace(wanted, str(value)),
    )


def _order(request: Request, value: Any, _values: Values) -> Request:
    """The texts change places; what lies between them stays."""
    places = sorted((request.prompt.find(text), text) for text in value)
    if any(place < 0 for place, _text in places):
        lost = next(text for place, text in places if place < 0)
        raise RequestError("axis-value", f"Prompt order did not find {lost!r} in the prompt.", "Give parts of it.")
    made, rest = "", 0
    for (place, text), other in zip(places, value, strict=True):
        made += request.prompt[rest:place] + other
        rest = place + len(text)
    return replace(request, prompt=made + request.prompt[rest:])


def _orders(_axis: str, values: Values) -> Values:
    if len(values) > 6:
        raise RequestError("axis-value", f"{len(values)} parts have too many orders.", "Give at most six.")
    return list(permutations(str(value) for value in values))


def _samplers(_axis: str, values: Values) -> Values:
    for value in values:
        if catalogue.find_sampler(str(value)) is None:
            names = ", ".join(sampler.name for sampler in catalogue.SAMPLERS)
            raise RequestError("sampler-unknown", f"Sampler not found: {value}.", f"There are {names}.")
    return [str(value) for value in values]


def _schedulers(_axis: str, values: Values) -> Values:
    for value in values:
        if catalogue.find_scheduler(str(value)) is None:
            names = ", ".join(scheduler.label for scheduler in catalogue.SCHEDULERS)
            raise RequestError("axis-value", f"There is no schedule type {value!r}.", f"There are {names}.")
    return [str(value) for value in values]


def _size(request: Request, value: Any, _values: Values) -> Request:
    return replace(request, width=value[0], height=value[1])


def _number(name: str, where: Callable[[str], Apply] = _of_options) -> Axis:
    return Axis(read.numbers, where(name))


def _whole(name: str, where: Callable[[str], Apply] = _of_request) -> Axis:
    return Axis(read.whole_numbers, where(name))


ACTIONS: Mapping[str, Axis] = {
    "Seed": _whole("seed"),
    "Var. seed": _whole("subseed"),
    "Var. strength": _number("subseed_strength", _of_request),
    "Steps": _whole("steps"),
    "Hires steps": _whole("steps", _of_hires),
    "CFG Scale": _number("cfg_scale", _of_request),
    "Image CFG Scale": _number("image_cfg_scale", _of_start),
    "Prompt S/R": Axis(_texts, _search_and_replace, bare=True),
    "Prompt order": Axis(_orders, _order, bare=True),
    "Sampler": Axis(_samplers, _of_request("sampler_name"), bare=True),
    "Hires sampler": Axis(_samplers, _of_hires("sampler_name"), bare=True),
    "Checkpoint name": Axis(_texts, _of_request("checkpoint"), bare=True, cost=3),
    "Negative Guidance minimum sigma": _number("s_min_uncond", _of_request),
    "Sigma Churn": _number("s_churn", _of_request),
    "Sigma min": _number("s_tmin", _of_request),
    "Sigma max": _number("s_tmax", _of_request),
    "Sigma noise": _number("s_noise", _of_request),
    "Schedule type": Axis(_schedulers, _of_request("scheduler")),
    "Schedule min sigma": _number("sigma_min"),
    "Schedule max sigma": _number("sigma_max"),
    "Schedule rho": _number("rho"),
    "Beta schedule alpha": _number("beta_dist_alpha"),
    "Beta schedule beta": _number("beta_dist_beta"),
    "Eta": _number("eta", _of_request),
    "Clip skip": _whole("CLIP_stop_at_last_layers", _of_options),
    "Denoising": Axis(read.numbers, _denoising),
    "Initial noise multiplier": Axis(read.numbers, _noise_multiplier),
    "Extra noise": _number("img2img_extra_noise"),
    "Hires upscaler": Axis(_texts, _of_hires("upscaler")),
    "Cond. Image Mask Weight": _number("inpainting_mask_weight"),
    "VAE": Axis(_texts, _of_options("sd_vae"), cost=2),
    "UniPC Order": _whole("uni_pc_order", _of_options),
    "Always discard next-to-last sigma": Axis(read.truths, _of_options("always_discard_next_to_last_sigma")),
    "SGM noise multiplier": Axis(read.truths, _of_options("sgm_noise_multiplier")),
    "Refiner checkpoint": Axis(_refiners, _of_request("refiner_checkpoint"), cost=1),
    "Refiner switch at": _number("refiner_switch_at", _of_request),
    "RNG source": Axis(_texts, _of_options("randn_source")),
    "Size": Axis(read.sizes, _size, bare=True),
}
#: lists of names that a page may offer; they come as a list of their own
CHOSEN = frozenset(
    (
        *("Sampler", "Hires sampler", "Schedule type", "Hires upscaler", "RNG source"),
        *("Checkpoint name", "VAE", "Refiner checkpoint"),
        *("Always discard next-to-last sigma", "SGM noise multiplier"),
    )
)


@dataclass(frozen=True)
class Filled:
    """An axis with its values; "Nothing" has one, None."""

    info: AxisInfo
    values: tuple[Any, ...]

    @property
    def cost(self) -> int:
        return ACTIONS[self.info.label].cost if self.info.label in ACTIONS else 0

    def apply(self, request: Request, value: Any) -> Request:
        """The request of the cells with this value."""
        action = ACTIONS.get(self.info.label)
        return request if action is None else action.apply(request, value, self.values)

    def label(self, value: Any) -> str:
        """What the legend says; "" for "Nothing"."""
        action = ACTIONS.get(self.info.label)
        if action is None:
            return ""
        if self.info.label == "Size":
            text = "x".join(map(str, value))
        elif isinstance(value, tuple):
            text = ", ".join(value)
        elif self.info.label == "Checkpoint name":
            text = PurePath(str(value)).name
        else:
            text = str(round(value, 8) if isinstance(value, float) else value)
        return text if action.bare else f"{self.info.label}: {text}"


def fill(info: AxisInfo, typed: Any, listed: Any, keep_random: bool, as_text: bool = False) -> Filled:
    """An axis and what the request gives for it: a text, or a list of names. RequestError says what is wrong."""
    if info.absent:
        raise RequestError("axis-absent", f"The axis {info.label} does nothing here.", info.absent)
    if info.label not in ACTIONS:
        return Filled(info, (None,))
    given: list[Any] = list(listed) if isinstance(listed, (list, tuple)) else []
    if as_text or info.label not in CHOSEN or not given:
        given = (
            list(typed) if isinstance(typed, (list, tuple)) else read.split_values("" if typed is None else str(typed))
        )
    if not given:
        raise RequestError(
            "axis-value", f"The axis {info.label} has no values.", "Give some, with commas between them."
        )
    found = ACTIONS[info.label].read(info.label, given)
    if info.label in ("Seed", "Var. seed") and not keep_random:
        found = [random.randrange(LARGEST_SEED) if seed == -1 else seed for seed in found]
    return Filled(info, tuple(found))
