"""From a Request to pictures: hands it to the queue, and yields what the page shows meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.request import ExtrasResult, Request, RequestError, Result
from runtime.studio import Studio
from runtime.ui import words
from runtime.ui.batch import Batch
from runtime.ui.fields import QUIET
from runtime.ui.frame import Frame, Tab
from runtime.ui.output import Shown, copies
from runtime.ui.overrides import OVERRIDES, read_overrides
from runtime.visitors import client_of

_SECONDS_BETWEEN_LOOKS = 0.2
Values = dict[str, Any]
#: of a batch: its pictures' files, each with the values that ask for it; None: the values ask for no batch
Pieces = Callable[[Values], list[tuple[Path, Values]] | None]


def connect(
    frame: Frame,
    tab: Tab,
    inputs: Mapping[str, Component],
    ask: Callable[[Values], Request],
    each: Pieces | None = None,
) -> None:
    """Generate asks the queue for what `ask` makes of the values of `inputs`, by their names.

    `each` gives the values of every picture of a batch, or None where none is wanted.
    """

    async def run(asker: gr.Request, *values: Any) -> AsyncIterator[tuple[Any, ...]]:
        named = dict(zip(inputs, values, strict=True))
        async for shown in followed(frame, named, partial(hand_in, frame, ask, asker), each):
            yield shown

    # the queue is ours: Gradio only carries the waiting
    tab.generate.click(run, list(inputs.values()), tab.output.drawn, trigger_mode="multiple", **QUIET)


def hand_in(frame: Frame, ask: Callable[[Values], Request], asker: gr.Request, values: Values) -> Future[Result]:
    """What the values ask for, with the checkpoint that their overrides name; RequestError at once for the user's."""
    model = read_overrides(values.get(OVERRIDES)).get("sd_model_checkpoint")
    return frame.studio.generate(replace(ask(values), user=asker.username), model, client=client_at(asker))


def client_at(asker: gr.Request) -> str:
    """Who takes turns with others."""
    return client_of(asker.request.scope) if asker.request else asker.username or ""


async def followed(
    frame: Frame, values: Values, start: Callable[[Values], Future[Any]], each: Pieces | None
) -> AsyncIterator[tuple[Any, ...]]:
    """Hand in what the values ask for, one job or a batch, and yield what the page shows until it has ended."""
    try:
        pieces = each(values) if each else None
        if pieces:
            shown = follow_batch(frame, Batch([(file, partial(start, one)) for file, one in pieces]))
        else:
            # pictures are decoded and encoded aside: others' progress goes on meanwhile
            shown = follow(frame.studio, frame.pictures, await asyncio.to_thread(start, values))
    except RequestError as error:
        yield refused(error)
        return
    async for one in shown:
        yield one


async def follow(
    studio: Studio, pictures: Path, job: Future[Any], among: Shown | None = None
) -> AsyncIterator[tuple[Any, ...]]:
    """Yields (gallery, progress, infotext, log, shown) until the job ends; files for the browser go under `pictures`.

    With `among` the last new picture takes the place of the one that is selected there.
    A reader who goes away leaves the job in the queue: others may want its files.
    """
    said = ""
    while not job.done():
        now = words.progress_bar(studio.jobs.progress, studio.jobs.model, studio.jobs.ahead_of(job))
        if now != said:
            said = now
            yield gr.skip(), now, gr.skip(), gr.skip(), gr.skip()
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
    yield finished(job, pictures, among)


async def follow_batch(frame: Frame, batch: Batch) -> AsyncIterator[tuple[Any, ...]]:
    """The same for a batch, with the number of the picture before its bar."""
    said, jobs = "", frame.studio.jobs
    while not batch.done:
        ahead = jobs.ahead_of(batch.job) if batch.job else 0
        now = words.counted(batch.number, len(batch)) + words.progress_bar(jobs.progress, jobs.model, ahead)
        if now != said:
            said = now
            yield gr.skip(), now, gr.skip(), gr.skip(), gr.skip()
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
    try:
        yield shown_as(batch.result(), frame.pictures)
    except RequestError as error:
        yield refused(error)


def finished(job: Future[Any], pictures: Path, among: Shown | None = None) -> tuple[Any, ...]:
    """What the end of a job changes on the page."""
    try:
        result = job.result()
    except RequestError as error:
        return refused(error)
    return shown_as(result, pictures, among)


def shown_as(result: Result | ExtrasResult, pictures: Path, among: Shown | None = None) -> tuple[Any, ...]:
    """Gallery, progress, infotext, log and what is shown, when all went well."""
    try:
        files, place = copies(result.pictures, pictures), 0
    except OSError as full:
        return without_files(result, full)
    shown = Shown(files, result.pictures, words.notes(result), words.performance(result))
    if among and files:
        place = among.selected
        every = (*among.pictures[:place], result.pictures[-1], *among.pictures[place + 1 :])
        paths = (*among.files[:place], files[-1], *among.files[place + 1 :])
        shown = replace(shown, files=paths, pictures=every, selected=place)
    # one picture is shown large, several as a grid
    large = among is not None or len(files) == 1
    gallery = gr.Gallery(value=list(shown.files), selected_index=place if large else None)
    text = shown.picture.infotext if shown.picture else ""
    return gallery, "", words.infotext(text, shown.notes), shown.taken, shown


def without_files(result: Result | ExtrasResult, refused: OSError) -> tuple[Any, ...]:
    """The same five where no file can be written for the gallery: the pictures themselves, to be kept by hand."""
    why = f"The gallery's files could not be written: {refused.strerror or type(refused).__name__}."
    error = RequestError(
        "cannot-save", why, "Make room on the disk, and keep these pictures by the browser's own menu."
    )
    text = next((picture.infotext for picture in result.pictures), "")
    told = words.infotext(text, words.notes(result)), words.performance(result)
    return gr.skip(), words.without_files(error, result.pictures), *told, gr.skip()


def refused(error: RequestError) -> tuple[Any, ...]:
    """The same five when there is nothing to show but why."""
    return gr.skip(), words.failure(error), "", "", gr.skip()
