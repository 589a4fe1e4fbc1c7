"""The key that draws the picture that is looked at once more, enlarged as the form's hires fix says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.request import Request, RequestError, Result
from runtime.studio import Studio
from runtime.ui.drawing import Values, follow, hand_in, refused
from runtime.ui.fields import QUIET, Fields
from runtime.ui.frame import Frame, Tab
from runtime.ui.output import Shown
from runtime.ui.pasting import read

#: what the form says of the second pass stays, whatever the picture was made with
_FORMS_OWN = ("denoising_strength", "hr_")


def connect_again(frame: Frame, tab: Tab, inputs: Mapping[str, Component], ask: Callable[[Values], Request]) -> None:
    """The new picture takes the old one's place in the gallery."""

    async def run(asker: gr.Request, shown: Shown, *values: Any) -> AsyncIterator[tuple[Any, ...]]:
        try:
            named = again(frame.studio, tab.fields, shown, dict(zip(inputs, values, strict=True)))
            job: Future[Result] = hand_in(frame, ask, asker, named)
        except RequestError as error:
            yield refused(error)
            return
        async for one in follow(frame.studio, frame.pictures, job, shown):
            yield one

    output = tab.output
    if output.upscale:
        controls = [output.shown, *inputs.values()]
        output.upscale.click(run, controls, output.drawn, trigger_mode="multiple", **QUIET)


def again(studio: Studio, fields: Fields, shown: Shown, values: Values) -> Values:
    """The form's values with those of the picture's infotext: one picture, with hires fix. RequestError without one."""
    if shown.picture is None or not shown.picture.infotext:
        raise RequestError("no-picture", "There is no picture to enlarge.", "Draw one, and select it in the gallery.")
    found = {"styles": []} | read(studio, fields, shown.picture.infotext)
    kept = {name: value for name, value in found.items() if not name.startswith(_FORMS_OWN)}
    once = {"enable_hr": True, "n_iter": 1, "batch_size": 1, "script_name": "None"}
    return values | kept | once | {"seed": shown.picture.seed}
