"""From an infotext to the controls of a tab: the paste key, "Send to", and the last job's params.txt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.infotext import parse_infotext, to_fields, with_defaults
from runtime.studio import Studio
from runtime.ui.fields import Fields
from runtime.ui.overrides import OVERRIDES, overriding
from runtime.ui.start_form import INPAINT_AREAS, MASK_MODES, MASKED_CONTENTS

#: fields that a control shows by a word of its list
_WORDS: Mapping[str, Mapping[str, str]] = {
    "inpainting_mask_invert": {"0": MASK_MODES[0], "1": MASK_MODES[1]},
    "inpainting_fill": {str(number): word for number, word in enumerate(MASKED_CONTENTS)},
    "inpaint_full_res": {"False": INPAINT_AREAS[0], "True": INPAINT_AREAS[1]},
}
_SIZE = ("width", "height")


def filled(studio: Studio, fields: Fields, text: str, sent: bool = False) -> list[Any]:
    """New values for all controls of the tab; `sent` from another tab: size and seed as the settings allow."""
    found = read(studio, fields, text)
    return fields.filled({name: value for name, value in found.items() if not (sent and _kept(studio, name))})


def read(studio: Studio, fields: Fields, text: str) -> dict[str, Any]:
    """What the infotext says for controls of the tab, by their names, as they take it."""
    items = parse_infotext(text)
    if len(items) > 2:  # more than the two prompts: parameters were found
        items = with_defaults(items)
    items = {key: value for key, value in items.items() if key not in studio.options["infotext_skip_pasting"]}
    items, styles = _styles(studio, items)
    asked = to_fields(items)
    found: dict[str, Any] = {} if styles is None else {"styles": list(styles)}
    for name, value in (asked.fields | _implied(asked.fields)).items():
        if name in fields.names:
            found |= _value(fields[name], name, value)
    if OVERRIDES in fields.names:
        found[OVERRIDES] = overriding(studio, asked.options)
    if asked.options.get("tiling") and "tiling" in fields.names:
        found["tiling"] = asked.options["tiling"] == "True"
    return found


def _styles(studio: Studio, items: dict[str, str]) -> tuple[dict[str, str], tuple[str, ...] | None]:
    """The prompts without the styles that they hold, and what becomes of the list; None: it stays as it is."""
    mode = studio.options["infotext_styles"]
    prompts = items.get("Prompt", ""), items.get("Negative prompt", "")
    names, prompt, negative = studio.stock.style_book.found_in(*prompts)
    if mode == "Ignore" or (mode == "Apply if any" and not names):
        return items, None
    return items | {"Prompt": prompt, "Negative prompt": negative}, None if mode == "Discard" else names


def _implied(given: Mapping[str, str]) -> dict[str, str]:
    """The boxes that open where their fields are filled, and close where they are not."""
    if "seed" not in given:
        return {}
    extra = any(given.get(name, "0") not in ("", "0", "0.0") for name in ("subseed_strength", "seed_resize_from_w"))
    refined = given.get("refiner_checkpoint", "None") not in ("", "None")
    return {"seed_extra": str(extra), "enable_refiner": str(refined), "enable_hr": given.get("enable_hr", "False")}


def _kept(studio: Studio, name: str) -> bool:
    """Does the control keep its value when a picture is sent here?"""
    if name in _SIZE:
        return not studio.options["send_size"]
    return name == "seed" and not studio.options["send_seed"]


def _value(control: Component, name: str, text: str) -> dict[str, Any]:
    """The text as the control takes it; nothing where it cannot."""
    if isinstance(control, gr.Checkbox):
        return {name: text == "True"}
    if isinstance(control, (gr.Slider, gr.Number)):
        return _number(name, text)
    if isinstance(control, (gr.Dropdown, gr.Radio)):
        return _choice(control, name, _WORDS.get(name, {}).get(text, text))
    return {name: text}


def _number(name: str, text: str) -> dict[str, Any]:
    try:
        value = float(text)
    except ValueError:
        return {}
    return {name: int(value) if value.is_integer() else value} if abs(value) < 2**53 else {}


def _choice(control: Any, name: str, text: str) -> dict[str, Any]:
    """The list's own spelling; a checkpoint may be named without its hash."""
    options = [value for _, value in control.choices]
    folded = text.casefold()
    exact = next((one for one in options if str(one).casefold() == folded), None)
    close = exact or next((one for one in options if str(one).casefold().startswith(f"{folded}.")), None)
    if close is None and "checkpoint" in name:
        bare = text.partition(" [")[0].casefold()
        close = next((one for one in options if str(one).casefold().startswith((f"{bare}.", f"{bare} ["))), None)
    return {} if close is None else {name: close}


def last_infotext(studio: Studio) -> str:
    """params.txt: what the last job was asked for; "" where there is none."""
    try:
        return (studio.settings.data_dir / "params.txt").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
