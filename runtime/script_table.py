"""The scripts that can be chosen: their titles and arguments, in AUTOMATIC1111's order, so that clients' lists fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from runtime.request import RequestError


@dataclass(frozen=True)
class ScriptArgument:
    """One argument, as /sdapi/v1/script-info tells it; `value` is its default."""

    label: str
    value: Any = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ScriptInfo:
    """A script, by the title under which requests name it; `file` is AUTOMATIC1111's, which ui-config.json names."""

    title: str
    file: str
    args: tuple[ScriptArgument, ...]
    txt2img: bool = True
    img2img: bool = True


@dataclass(frozen=True)
class AxisInfo:
    """What an axis of the X/Y/Z plot changes. A request may give its label, or its place among its tab's axes."""

    label: str
    txt2img: bool = True
    img2img: bool = True
    #: why it does nothing here; it keeps its place, so that the numbers after it still fit
    absent: str | None = None


AXES = (
    AxisInfo("Nothing"),
    AxisInfo("Seed"),
    AxisInfo("Var. seed"),
    AxisInfo("Var. strength"),
    AxisInfo("Steps"),
    AxisInfo("Hires steps", img2img=False),
    AxisInfo("CFG Scale"),
    AxisInfo("Image CFG Scale", txt2img=False),
    AxisInfo("Prompt S/R"),
    AxisInfo("Prompt order"),
    AxisInfo("Sampler"),
    AxisInfo("Hires sampler", img2img=False),
    AxisInfo("Checkpoint name"),
    AxisInfo("Negative Guidance minimum sigma"),
    AxisInfo("Sigma Churn"),
    AxisInfo("Sigma min"),
    AxisInfo("Sigma max"),
    AxisInfo("Sigma noise"),
    AxisInfo("Schedule type"),
    AxisInfo("Schedule min sigma"),
    AxisInfo("Schedule max sigma"),
    AxisInfo("Schedule rho"),
    AxisInfo("Beta schedule alpha"),
    AxisInfo("Beta schedule beta"),
    AxisInfo("Eta"),
    AxisInfo("Clip skip"),
    AxisInfo("Denoising"),
    AxisInfo("Initial noise multiplier"),
    AxisInfo("Extra noise"),
    AxisInfo("Hires upscaler", img2img=False),
    AxisInfo("Cond. Image Mask Weight", txt2img=False),
    AxisInfo("VAE"),
    AxisInfo("Styles", absent="Styles are merged before a script begins; use Prompt S/R."),
    AxisInfo("UniPC Order"),
    AxisInfo("Face restore", absent="No model for restoring faces is installed."),
    AxisInfo("Token merging ratio", absent="Gesso does not merge tokens."),
    AxisInfo("Token merging ratio high-res", absent="Gesso does not merge tokens."),
    AxisInfo("Always discard next-to-last sigma"),
    AxisInfo("SGM noise multiplier"),
    AxisInfo("Refiner checkpoint"),
    AxisInfo("Refiner switch at"),
    AxisInfo("RNG source"),
    AxisInfo("FP8 mode", absent="Gesso keeps no weights in FP8."),
    AxisInfo("Size"),
)


def axes(img2img: bool) -> tuple[AxisInfo, ...]:
    """Those of one tab, in the order that numbers count."""
    return tuple(axis for axis in AXES if (axis.img2img if img2img else axis.txt2img))


def find_axis(spelling: object, img2img: bool) -> AxisInfo:
    """By label in any letter case, or by number; RequestError `axis-unknown`."""
    there = axes(img2img)
    text = str(spelling).strip().casefold()
    if isinstance(spelling, (int, float)) and not isinstance(spelling, bool) and 0 <= int(spelling) < len(there):
        return there[int(spelling)]
    for axis in there:
        if axis.label.casefold() == text:
            return axis
    names = ", ".join(axis.label for axis in there if not axis.absent)
    raise RequestError("axis-unknown", f"The X/Y/Z plot has no axis {spelling!r} here.", f"There are {names}.")


#: the arguments that choose an axis
AXIS_TYPES = ("X type", "Y type", "Z type")
#: what a list of axes leaves out where it shows only what works
ABSENT_AXES = frozenset(axis.label for axis in AXES if axis.absent)


def _axis(letter: str) -> tuple[ScriptArgument, ...]:
    value = "Seed" if letter == "X" else "Nothing"
    return (
        ScriptArgument(f"{letter} type", value, choices=tuple(axis.label for axis in AXES)),
        ScriptArgument(f"{letter} values", ""),
        ScriptArgument(f"{letter} values", None, choices=()),
    )


_MARGIN = ScriptArgument("Grid margins (px)", 0, 0, 500, 2)
XYZ = ScriptInfo(
    "X/Y/Z plot",
    "xyz_grid.py",
    (
        *_axis("X"),
        *_axis("Y"),
        *_axis("Z"),
        ScriptArgument("Draw legend", True),
        ScriptArgument("Include Lone Images", False),
        ScriptArgument("Include Sub Grids", False),
        ScriptArgument("Keep -1 for seeds", False),
        ScriptArgument("Vary seeds for X", False),
        ScriptArgument("Vary seeds for Y", False),
        ScriptArgument("Vary seeds for Z", False),
        _MARGIN,
        ScriptArgument("Use text inputs instead of dropdowns", False),
    ),
)
MATRIX = ScriptInfo(
    "Prompt matrix",
    "prompt_matrix.py",
    (
        ScriptArgument("Put variable parts at start of prompt", False),
        ScriptArgument("Use different seed for each picture", False),
        ScriptArgument("Select prompt", "positive", choices=("positive", "negative")),
        ScriptArgument("Select joining char", "comma", choices=("comma", "space")),
        _MARGIN,
    ),
)
PROMPTS = ScriptInfo(
    "Prompts from file or textbox",
    "prompts_from_file.py",
    (
        ScriptArgument("Iterate seed every line", False),
        ScriptArgument("Use same random seed for all lines", False),
        ScriptArgument("Insert prompts at the", "start", choices=("start", "end")),
        ScriptArgument("List of prompt inputs", ""),
    ),
)
SD_UPSCALE = ScriptInfo(
    "SD upscale",
    "sd_upscale.py",
    (
        ScriptArgument("", None),
        ScriptArgument("Tile overlap", 64, 0, 256, 16),
        ScriptArgument("Upscaler", "None"),
        ScriptArgument("Scale Factor", 2.0, 1.0, 4.0, 0.05),
    ),
    txt2img=False,
)
LOOPBACK = ScriptInfo(
    "Loopback",
    "loopback.py",
    (
        ScriptArgument("Loops", 4, 1, 32, 1),
        ScriptArgument("Final denoising strength", 0.5, 0, 1, 0.01),
        ScriptArgument("Denoising strength curve", "Linear", choices=("Aggressive", "Linear", "Lazy")),
        ScriptArgument("Append interrogated prompt at each iteration", "None", choices=("None",)),
    ),
    txt2img=False,
)
SCRIPTS = (MATRIX, PROMPTS, XYZ, SD_UPSCALE, LOOPBACK)


def scripts_of(img2img: bool) -> list[ScriptInfo]:
    """Those of one tab; the plot's lists hold the tab's axes, each at its number."""
    there = [script for script in SCRIPTS if (script.img2img if img2img else script.txt2img)]
    labels = tuple(axis.label for axis in axes(img2img))
    return [replace(script, args=tuple(_in_tab(one, labels) for one in script.args)) for script in there]


def _in_tab(argument: ScriptArgument, labels: tuple[str, ...]) -> ScriptArgument:
    return replace(argument, choices=labels) if argument.label in AXIS_TYPES else argument


def find_script(name: str, img2img: bool) -> ScriptInfo:
    """By title in any letter case; RequestError `script-unknown`."""
    there = scripts_of(img2img)
    for script in there:
        if script.title.casefold() == name.strip().casefold():
            return script
    titles = ", ".join(script.title for script in there)
    raise RequestError("script-unknown", f"Script {name!r} not found.", f"There are {titles}.")


def arguments(script: ScriptInfo, given: Sequence[Any]) -> tuple[Any, ...]:
    """As many as the script has, in its types: what is not given, or null, takes its default, a surplus is left out.

    RequestError `script-args` names the argument that is no number, or too small or large.
    """
    return tuple(
        argument.value if k >= len(given) or given[k] is None else _cast(script, argument, given[k])
        for k, argument in enumerate(script.args)
    )


def _cast(script: ScriptInfo, argument: ScriptArgument, value: Any) -> Any:
    if isinstance(argument.value, bool):
        return value.strip().lower() in ("true", "yes", "1", "on") if isinstance(value, str) else bool(value)
    if not isinstance(argument.value, (int, float)):
        return value
    least, most = argument.minimum or 0, math.inf if argument.maximum is None else argument.maximum
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not least <= number <= most:
        message = f"{argument.label} of {script.title} is {value!r:.60}."
        raise RequestError("script-args", message, f"It is a number from {least:g} to {most:g}.")
    return type(argument.value)(number)
