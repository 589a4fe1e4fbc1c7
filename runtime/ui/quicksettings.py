"""The top line: the settings of quicksettings_list, and what the worker has loaded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.advice import advice_for
from runtime.request import RequestError
from runtime.settings_table import BY_NAME
from runtime.studio import Studio
from runtime.tasks import ModelState
from runtime.ui import choices, words
from runtime.ui.fields import QUIET, SWIFT
from runtime.ui.frame import Frame
from runtime.ui.setting_control import setting_control, shown, stored
from runtime.ui.tool import tool

_SECONDS_BETWEEN_LOOKS = 1.0
_MODEL = "sd_model_checkpoint"
Native = tuple[int, int]


@dataclass(frozen=True)
class TopLine:
    """The checkpoint's list is there whatever quicksettings_list says: nothing can be drawn without one."""

    checkpoint: gr.Dropdown
    refresh: gr.Button
    status: gr.HTML
    clock: gr.Timer
    names: frozenset[str]


def top_line(frame: Frame) -> TopLine:
    """Build it inside the running Blocks."""
    studio = frame.studio
    wanted = [str(name) for name in studio.options["quicksettings_list"] if name in BY_NAME and name != _MODEL]
    with gr.Row(elem_id="quicksettings"):
        checkpoint = gr.Dropdown(
            [], label=BY_NAME[_MODEL].label, elem_id=f"setting_{_MODEL}", scale=2, min_width=260, interactive=True
        )
        refresh = tool(f"refresh_{_MODEL}")
        for name in wanted:
            control = setting_control(frame, BY_NAME[name], brief=True)
            _keep(studio, name, frame.current.shown(control, partial(_stored, studio, name)))
        status = gr.HTML(elem_id="model_status", min_width=240)
    return TopLine(checkpoint, refresh, status, gr.Timer(_SECONDS_BETWEEN_LOOKS), frozenset((_MODEL, *wanted)))


def _stored(studio: Studio, name: str) -> Any:
    return shown(BY_NAME[name], studio.options[name])


def _keep(studio: Studio, name: str, control: Component) -> None:
    """A change counts at once, for every job to come; the browser is told what is stored when it opens the page."""

    def store(value: Any) -> None:
        try:
            studio.options.update({name: stored(BY_NAME[name], value)})
        except RequestError as error:
            raise gr.Error(words.toast(words.NOT_STORED, error), print_exception=False) from error

    changed = control.release if isinstance(control, gr.Slider) else control.input
    changed(store, control, None, **SWIFT)


def follow_model(
    frame: Frame,
    blocks: gr.Blocks,
    top: TopLine,
    sizes: list[tuple[Any, Any]],
    samplers: list[tuple[Any, Any]],
) -> None:
    """Keep the top line in step with what the worker has loaded; sizes that nobody has touched and samplers follow."""
    studio = frame.studio
    native, advised = gr.State((0, 0)), gr.State("")
    controls = [one for pair in sizes for one in pair]
    choosers = [one for pair in samplers for one in pair]

    def look(before: Native, model_before: str, *now: float | None) -> tuple[Any, ...]:
        model = studio.jobs.model
        timer = gr.Timer(active=model.state == "loading")
        return (
            *top_now(studio, model),
            timer,
            *_samplers(model, model_before, len(samplers)),
            *_sizes(model, before, now),
        )

    async def choose(chosen: gr.SelectData) -> tuple[Any, Any]:
        """Begin to load; the clock tells how it goes, and the queue stays free. No refused one is shown as chosen."""
        try:
            loading = await asyncio.to_thread(studio.choose, str(chosen.value))
        except RequestError as error:
            gr.Warning(words.toast(words.NOT_LOADED, error))
            return top_now(studio, studio.jobs.model)[0], gr.Timer(active=True)
        await asyncio.wait([asyncio.wrap_future(loading)], timeout=_SECONDS_BETWEEN_LOOKS)
        return gr.skip(), gr.Timer(active=True)

    def refresh() -> Any:
        studio.look_again()
        return gr.Dropdown(choices=choices.checkpoints(studio))

    shown = [top.checkpoint, top.status, top.clock, advised, *choosers, native, *controls]
    blocks.load(look, [native, advised, *controls], shown, **QUIET)
    top.clock.tick(look, [native, advised, *controls], shown, **QUIET)
    # `select` and not `input`: a list tells the latter twice
    top.checkpoint.select(choose, None, [top.checkpoint, top.clock], **QUIET)
    frame.current.changed_by(top.refresh.click(refresh, None, top.checkpoint, trigger_mode="always_last", **QUIET))


def top_now(studio: Studio, model: ModelState) -> tuple[Any, str]:
    """The list of checkpoints with the chosen one, and the line beside it."""
    titles = choices.checkpoints(studio)
    chosen = studio.chosen
    dropdown = gr.Dropdown(choices=titles, value=chosen.title if chosen and chosen.title in titles else None)
    return dropdown, words.model_status(model, bool(titles))


def _samplers(model: ModelState, before: str, tabs: int) -> list[Any]:
    """A model that has just been loaded brings the sampler that is advised for it."""
    if model.state != "ready" or model.path is None or str(model.path) == before:
        return [gr.skip()] * (1 + 2 * tabs)
    advice = advice_for(model.path)
    if advice.sampler is None:
        return [str(model.path), *[gr.skip()] * (2 * tabs)]
    return [str(model.path), *(advice.sampler, advice.scheduler or "Automatic") * tabs]


def _sizes(model: ModelState, before: Native, now: tuple[float | None, ...]) -> list[Any]:
    """A size that the user has not touched follows the model's native one."""
    if model.state != "ready" or not (model.width and model.height):
        return [gr.skip()] * (1 + len(now))
    native = (model.width, model.height)
    found: list[Any] = [native]
    for pair in zip(now[::2], now[1::2], strict=True):
        found += native if pair in ((0, 0), tuple(before)) else (gr.skip(), gr.skip())
    return found
