"""A tab's controls by the API's names of what they set, with the defaults of ui-config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import gradio as gr
from gradio.components import Component

from runtime.ui.ui_config import UiConfig

C = TypeVar("C", bound=Component)
#: of events that the reader should not notice, and that no Gradio client may call: the API is /sdapi/v1
QUIET: Mapping[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
#: the same for what answers at once
SWIFT: Mapping[str, Any] = {**QUIET, "queue": False}
#: for work in the browser alone
LOCAL: Mapping[str, Any] = {"fn": None, "show_progress": "hidden", "api_visibility": "private", "queue": False}


class Fields:
    """The controls of one tab, in the order in which they were added."""

    def __init__(self, tab: str, defaults: UiConfig) -> None:
        self.tab, self._defaults = tab, defaults
        self._controls: dict[str, Component] = {}

    def add(self, name: str, control: C) -> C:
        """Remember a control under its name, with the reader's own default, if ui-config.json holds one."""
        self._defaults.apply(self.tab, control)
        self._controls[name] = control
        return control

    def __getitem__(self, name: str) -> Any:
        return self._controls[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._controls)

    @property
    def controls(self) -> list[Component]:
        return list(self._controls.values())

    @property
    def by_name(self) -> Mapping[str, Component]:
        return self._controls

    def filled(self, found: Mapping[str, Any]) -> list[Any]:
        """For every control its new value, or that it stays as it is."""
        return [found.get(name, gr.skip()) for name in self._controls]


def picked(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that the dataclass `kind` has fields for."""
    return {field.name: values[field.name] for field in fields(kind) if field.name in values}
