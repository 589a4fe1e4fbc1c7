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
        #: what the page says by itself when it is opened
        self._built: dict[Component, dict[str, Any]] = {}

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
        self._built = {control: self._now(control) for control in (*self._values, *self._others)}
        blocks.load(self._everything, None, [*self._values, *self._others], **QUIET)
        for event in self._events:
            event.then(self._names, None, list(self._lists), **QUIET)

    @property
    def _others(self) -> list[Component]:
        return [control for control in self._lists if control not in self._values]

    def _everything(self) -> list[Any]:
        """Only what has changed since the page was built: a browser is slow with hundreds of updates."""
        return [self._update(control, self._now(control)) for control in self._built]

    def _update(self, control: Component, now: dict[str, Any]) -> Any:
        return gr.skip() if now == self._built[control] else gr.update(**now)

    def _now(self, control: Component) -> dict[str, Any]:
        value = {"value": self._values[control]()} if control in self._values else {}
        return value | ({"choices": self._lists[control]()} if control in self._lists else {})

    def _names(self) -> list[Any]:
        return [gr.update(choices=names()) for names in self._lists.values()]
