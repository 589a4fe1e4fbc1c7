"""ui-config.json: the reader's own defaults for the page's controls, in AUTOMATIC1111's form."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.files import alone_with, read_object, read_object_alone, write_whole

_LOG = logging.getLogger(__name__)
_NUMBERS = ("value", "minimum", "maximum", "step")
_ATTRIBUTES: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
    (gr.Slider, ("visible", *_NUMBERS)),
    (gr.Number, ("visible", "value")),
    (gr.Textbox, ("visible", "value")),
    (gr.Dropdown, ("visible", "value")),
    (gr.Radio, ("visible", "value")),
    (gr.Checkbox, ("visible", "value")),
)


class UiConfig:
    """Keys are `<tab>/<label>/<attribute>`; a control whose key came before keeps its built-in default."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stored = read_object(file) or {}
        self._seen: dict[str, Any] = {}

    def apply(self, tab: str, control: Component) -> None:
        """Give the control what the file says of it; what does not fit its kind is said and left alone."""
        attributes = next((names for kind, names in _ATTRIBUTES if isinstance(control, kind)), ())
        for attribute in attributes:
            self._apply(f"{tab}/{control.label}/{attribute}", control, attribute)

    def _apply(self, key: str, control: Component, attribute: str) -> None:
        if key in self._seen:
            return
        built_in = self._seen[key] = getattr(control, attribute)
        wanted = self._stored.get(key, built_in)
        if wanted == built_in:
            return
        if _fits(control, attribute, wanted):
            setattr(control, attribute, wanted)
        else:
            _LOG.warning("%s: %s cannot be %.60r; the built-in default counts.", self._file, key, wanted)

    def write(self) -> None:
        """Add the defaults of controls that the file does not know yet; nothing in it is changed."""
        if not self._seen.keys() - self._stored.keys():
            return
        try:
            with alone_with(self._file):
                # another server may have written while the page was built
                found = read_object_alone(self._file) or self._stored
                self._stored = found | {key: value for key, value in self._seen.items() if key not in found}
                write_whole(self._file, json.dumps(self._stored, indent=4, ensure_ascii=False))
        except OSError as refused:
            _LOG.warning("%s cannot be written: %s", self._file, refused)


def _fits(control: Component, attribute: str, wanted: Any) -> bool:
    if attribute == "visible" or isinstance(control, gr.Checkbox):
        return isinstance(wanted, bool)
    if isinstance(control, (gr.Slider, gr.Number)):
        return isinstance(wanted, (int, float)) and not isinstance(wanted, bool)
    if isinstance(control, (gr.Dropdown, gr.Radio)):
        known = {value for _, value in control.choices}
        return (set(wanted) if isinstance(wanted, list) else {wanted}) <= known
    return isinstance(wanted, str)
