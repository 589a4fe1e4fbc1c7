"""From a Request to pictures: hands it to the queue, and yields what the page shows meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.request import ExtrasResult, Request, RequestError, Result
from runtime.studio import Studio
from runtime.ui import words
from runtime.ui.fields import QUIET
from runtime.ui.frame import Frame, Tab
from runtime.ui.output import Shown, copies
from runtime.ui.overrides import OVERRIDES, read_overrides

_SECONDS_BETWEEN_LOOKS = 0.2
Values = dict[str, Any]


def connect(frame: Frame, tab: Tab, inputs: Mapping[str, Component], ask: Callable[[Values], Request]) -> None:
    """Generate asks the queue for what `ask` makes of the values of `inputs`, by their names."""

    async def run(asker: gr.Request, *values: Any) -> AsyncIterator[tuple[Any, ...]]:
        named = dict(zip(inputs, values, strict=True))
        model = read_overrides(named.get(OVERRIDES)).get("sd_model_checkpoint")
        try:
            # pictures are decoded and encoded aside: others' progress goes on meanwhile
            request = await asyncio.to_thread(ask, named)
            job = frame.studio.generate(replace(request, user=asker.username), model)
        except RequestError as error:
            yield refused(error)
            return
        async for shown in follow(frame.studio, frame.pictures, job):
            yield shown

    # the queue is ours: Gradio only carries the waiting
    tab.generate.click(run, list(inputs.values()), tab.output.drawn, trigger_mode="multiple", **QUIET)


async def follow(studio: Studio, pictures: Path, job: Future[Any]) -> AsyncIterator[tuple[Any, ...]]:
    """Yields (gallery, progress, infotext, log, shown) until the job ends; files for the browser go under `pictures`.

    A reader who goes away leaves the job in the queue: others may want its files.
    """
    said = ""
    while not job.done():
        now = words.progress_bar(studio.jobs.progress, studio.jobs.model, studio.jobs.ahead_of(job))
        if now != said:
            said = now
            yield gr.skip(), now, gr.skip(), gr.skip(), gr.skip()
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
    yield finished(job, pictures)


def finished(job: Future[Any], pictures: Path) -> tuple[Any, ...]:
    """What the end of a job changes on the page."""
    try:
        result: Result | ExtrasResult = job.result()
    except RequestError as error:
        return refused(error)
    files = copies(result.pictures, pictures)
    shown = Shown(files, result.pictures, words.notes(result))
    # one picture is shown large, several as a grid
    gallery = gr.Gallery(value=list(files), selected_index=0 if len(files) == 1 else None)
    first = result.pictures[0].infotext if result.pictures else ""
    return gallery, "", words.infotext(first, shown.notes), words.performance(result), shown


def refused(error: RequestError) -> tuple[Any, ...]:
    """The same five when there is nothing to show but why."""
    return gr.skip(), words.failure(error), "", "", gr.skip()
