"""The Settings tab: every setting with what it does, searchable, applied together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.request import RequestError
from runtime.settings_table import BY_NAME, SECTIONS, SETTINGS, Section, Setting
from runtime.ui import words
from runtime.ui.fields import QUIET
from runtime.ui.frame import Frame
from runtime.ui.setting_control import setting_control, shown, stored


def settings_tab(frame: Frame, elsewhere: frozenset[str]) -> Callable[[gr.Tab], None]:
    """Build the tab; the settings named `elsewhere` stand at the top of the page already.

    What is given back connects the tab itself: its controls show what is stored when it is chosen. (With the page
    would be too early: so many updates hold a slow browser up for seconds.)
    """
    here = [one for one in SETTINGS if one.name not in elsewhere and not one.private]
    with gr.Row(elem_id="settings_top"):
        submit = gr.Button("Apply settings", variant="primary", elem_id="settings_submit")
        reload = gr.Button("Reload UI", elem_id="settings_restart_gradio")
    said = gr.HTML(elem_id="settings_result")
    gr.Textbox(label="Search", show_label=False, placeholder="Search …", elem_id="settings_search", max_lines=1)
    controls: dict[str, Component] = {}
    with gr.Column(elem_id="settings"):
        for section in SECTIONS:
            rows = [one for one in here if one.section == section]
            if rows:
                controls |= _section(frame, section, rows)
    used = [one for one in here if one.name in controls]

    def stored_now() -> dict[str, Any]:
        return {one.name: shown(one, frame.studio.options[one.name]) for one in used}

    seen = gr.State(stored_now())

    def look(before: dict[str, Any]) -> list[Any]:
        """What others have stored since the last look; what is being changed here stays."""
        now = stored_now()
        news = [gr.skip() if now[name] == before.get(name) else gr.update(value=now[name]) for name in now]
        return [now, *news]

    def apply(before: dict[str, Any], *values: Any) -> tuple[str, dict[str, Any]]:
        """What was not touched here keeps what others have stored meanwhile."""
        touched = [(one, value) for one, value in zip(used, values, strict=True) if value != before.get(one.name)]
        return applied(frame, {one.name: stored(one, value) for one, value in touched}), stored_now()

    # each press counts: one that is made while the last is stored may carry newer values
    submit.click(apply, [seen, *controls.values()], [said, seen], trigger_mode="multiple", **QUIET)
    reload.click(js="() => { location.reload(); }", fn=None)
    return lambda tab: tab.select(look, seen, [seen, *controls.values()], **QUIET)


def _section(frame: Frame, section: Section, rows: list[Setting]) -> dict[str, Component]:
    with gr.Column(elem_classes=["gesso-section"], elem_id=f"settings_{section.id}_{section.title.replace(' ', '_')}"):
        gr.HTML(f"<h2>{section.title}</h2>")
        return {one.name: setting_control(frame, one) for one in rows}


def applied(frame: Frame, wanted: dict[str, Any]) -> str:
    """Store what differs; what the page says of it."""
    options = frame.studio.options
    changed = {name: value for name, value in wanted.items() if value != options[name]}
    try:
        options.update(changed)
    except RequestError as refused:
        return words.not_stored(refused)
    return words.settings_changed(
        sorted(changed), any(BY_NAME[name].reload and name != "localization" for name in changed)
    )
