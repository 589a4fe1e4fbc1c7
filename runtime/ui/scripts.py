"""The Script list of a drawing tab: the chosen script's arguments are shown, the others' are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.request import Script
from runtime.script_table import ABSENT_AXES, AXIS_TYPES, PROMPTS, XYZ, ScriptArgument, ScriptInfo
from runtime.ui import choices
from runtime.ui.axis_keys import axis_rows
from runtime.ui.fields import SWIFT, Fields
from runtime.ui.frame import Frame
from runtime.ui.prompt_file import prompt_file

NONE = "None"
_FEW = 3
#: arguments that only choose between two of A1111's controls; here there is the first alone, and this is its value
_SETTLED = {"Use text inputs instead of dropdowns": True}


@dataclass(frozen=True)
class Scripts:
    """The scripts of a tab, with their arguments' controls by `title / place`."""

    infos: tuple[ScriptInfo, ...]
    controls: dict[str, Component]

    def chosen(self, values: Mapping[str, Any]) -> Script | None:
        """What the values of the tab ask for."""
        info = next((one for one in self.infos if one.title == values["script_name"]), None)
        if info is None:
            return None
        given = [
            values.get(_key(info, place), _SETTLED.get(argument.label, argument.value))
            for place, argument in enumerate(info.args)
        ]
        return Script(info.title, tuple(given))


def script_list(fields: Fields, frame: Frame) -> Scripts:
    """The list and, below it, one group of controls for each script."""
    infos = tuple(frame.studio.stock.scripts(img2img=fields.tab == "img2img"))
    titles = [NONE, *(one.title for one in infos)]
    names = gr.Dropdown(titles, value=NONE, label="Script", elem_id=f"{fields.tab}_script_list")
    fields.add("script_name", names)
    controls: dict[str, Component] = {}
    groups = []
    for info in infos:
        with gr.Column(visible=False, elem_classes=["gesso-script"]) as group:
            controls |= _group(info, frame, fields.tab)
        groups.append(group)

    def show(title: str) -> Sequence[Any]:
        return [gr.Column(visible=info.title == title) for info in infos]

    names.change(show, names, groups, **SWIFT)
    return Scripts(infos, controls)


def _group(info: ScriptInfo, frame: Frame, tab: str) -> dict[str, Component]:
    def build(place: int) -> Component:
        control = _control(info.args[place], frame, f"script_{tab}_{_slug(info.title)}_{place}")
        frame.defaults.apply(f"customscript/{info.file}/{tab}", control)
        return control

    found = axis_rows(frame, tab, build) if info.title == XYZ.title else {}
    found |= {place: build(place) for place in _shown(info) if place not in found}
    if info.title == PROMPTS.title:
        prompt_file(found[max(found)], f"script_{tab}_{_slug(info.title)}_file")
    return {_key(info, place): control for place, control in found.items()}


def _shown(info: ScriptInfo) -> list[int]:
    """Places of the arguments that have a control."""
    return [
        place
        for place, argument in enumerate(info.args)
        if argument.label and argument.choices != () and argument.label not in _SETTLED
    ]


def _control(argument: ScriptArgument, frame: Frame, element: str) -> Component:
    shared: dict[str, Any] = {"value": argument.value, "label": argument.label, "elem_id": element}
    if argument.label == "Upscaler":
        names = partial(choices.upscalers, frame.studio)
        return frame.current.listed(gr.Dropdown(names(), **shared), names)
    if argument.choices:
        absent = ABSENT_AXES if argument.label in AXIS_TYPES else ()
        kind = gr.Radio if len(argument.choices) <= _FEW else gr.Dropdown
        return kind([one for one in argument.choices if one not in absent], **shared)
    if isinstance(argument.value, bool):
        return gr.Checkbox(**shared, container=False)
    if argument.minimum is not None and argument.maximum is not None:
        return gr.Slider(argument.minimum, argument.maximum, step=argument.step, **shared)
    return gr.Textbox(**shared, lines=1, max_lines=30)


def _key(info: ScriptInfo, place: int) -> str:
    return f"{info.title} / {place}"


def _slug(title: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in title.lower())
