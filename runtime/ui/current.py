"""Controls that show what is so now: what is stored in the settings, what lies in the folders.

The page is built once and opened often, and files come and go while it is open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from runtime.ui.fields import QUIET

C = TypeVar("C", bound=Component)


class Current:
    """Lists are told again when the page is opened or something changes them, stored values when it is opened."""

    def __init__(self) -> None:
        self._lists: dict[Component, Callable[[], list[Any]]] = {}
        self._values: dict[Component, Callable[[], Any]] = {}
        self._events: list[Dependency] = []

    def listed(self, control: C, names: Callable[[], list[Any]]) -> C:
        """A list of names; what is chosen stays chosen."""
        self._lists[control] = names
        return control

    def shown(self, control: C, value: Callable[[], Any]) -> C:
        """A stored value."""
        self._values[control] = value
        return control

    def changed_by(self, event: Dependency) -> None:
        """After this event lists may hold other names."""
        self._events.append(event)

    def connect(self, blocks: gr.Blocks) -> None:
        """When all controls and events are known."""
        blocks.load(self._everything, None, [*self._values, *self._others], **QUIET)
        for event in self._events:
            event.then(self._names, None, list(self._lists), **QUIET)

    @property
    def _others(self) -> list[Component]:
        return [control for control in self._lists if control not in self._values]

    def _everything(self) -> list[Any]:
        return [self._value(control) for control in self._values] + [self._list(control) for control in self._others]

    def _names(self) -> list[Any]:
        return [self._list(control) for control in self._lists]

    def _list(self, control: Component) -> Any:
        return gr.update(choices=self._lists[control]())

    def _value(self, control: Component) -> Any:
        if isinstance(control, gr.State):
            return self._values[control]()
        names = {"choices": self._lists[control]()} if control in self._lists else {}
        return gr.update(value=self._values[control](), **names)
