"""The X/Y/Z plot's axes: each with the key that fills in all its values, below them the keys that swap two."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from itertools import combinations

import gradio as gr
from gradio.components import Component

from runtime.catalogue import SAMPLERS, SCHEDULERS
from runtime.settings_table import BY_NAME
from runtime.studio import Studio
from runtime.ui import choices
from runtime.ui.fields import LOCAL, SWIFT
from runtime.ui.frame import Frame
from runtime.ui.tool import tool

#: where each axis begins among the script's arguments: its type, then its values
PLACES = {"X": 0, "Y": 3, "Z": 6}
#: axes whose values are names; those of numbers have none to offer
_OFFERED: Mapping[str, Callable[[Studio], list[str]]] = {
    **dict.fromkeys(("Sampler", "Hires sampler"), lambda _: [one.name for one in SAMPLERS]),
    **dict.fromkeys(("Checkpoint name", "Refiner checkpoint"), choices.checkpoints),
    **dict.fromkeys(("Always discard next-to-last sigma", "SGM noise multiplier"), lambda _: ["True", "False"]),
    "Schedule type": lambda _: [one.label for one in SCHEDULERS],
    "Hires upscaler": choices.hires_upscalers,
    "VAE": choices.vaes,
    "RNG source": lambda _: [str(one) for one in BY_NAME["randn_source"].choices],
}


def offered(studio: Studio, axis: str) -> str:
    """Every value that the axis can take, as one types them; "" for an axis of numbers."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(_OFFERED[axis](studio) if axis in _OFFERED else [])
    return line.getvalue()


def axis_rows(frame: Frame, tab: str, build: Callable[[int], Component]) -> dict[int, Component]:
    """The controls of the axes by their places; `build` makes the one of a place."""
    found: dict[int, Component] = {}
    for letter, place in PLACES.items():
        with gr.Row(elem_classes=["gesso-axis"]):
            found |= {place: build(place), place + 1: build(place + 1)}
            key = tool(f"{tab}_xyz_grid_fill_{letter.lower()}_tool_button", visible=False)
        _filling(frame.studio, key, found[place], found[place + 1])
    with gr.Row():
        for one, other in combinations(PLACES, 2):
            _swapping(tab, found, one, other)
    return found


def _filling(studio: Studio, key: gr.Button, axis: Component, values: Component) -> None:
    key.click(lambda label: offered(studio, label), axis, values, **SWIFT)
    axis.change(lambda label: gr.Button(visible=label in _OFFERED), axis, key, **SWIFT)


def _swapping(tab: str, found: Mapping[int, Component], one: str, other: str) -> None:
    element = f"{tab}_{one}{other}_grid_swap_axes_button".lower()
    key = gr.Button(f"Swap {one}/{other} axes", elem_id=element, size="sm", min_width=90)
    controls = [found[PLACES[letter] + part] for letter in (one, other) for part in (0, 1)]
    key.click(inputs=controls, outputs=controls, js="(a, b, c, d) => [c, d, a, b]", **LOCAL)
