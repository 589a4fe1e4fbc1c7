"""From the form to pictures: builds a Request, hands it to the queue, and yields what the page shows meanwhile."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr

from runtime.request import Request, RequestError, Result
from runtime.studio import Studio
from runtime.ui import words

_SECONDS_BETWEEN_LOOKS = 0.2
_PREVIEW_EVERY = 2


@dataclass(frozen=True)
class Form:
    """The txt2img tab's values as the browser sends them; an emptied field is None."""

    prompt: str | None
    negative_prompt: str | None
    sampler: str
    scheduler: str
    steps: float | None
    width: float | None
    height: float | None
    cfg_scale: float | None
    seed: float | None
    batch_count: float | None
    batch_size: float | None

    def request(self, studio: Studio) -> Request:
        """What the form asks for; emptied fields are the defaults, no size is the model's own."""
        options = studio.options.for_job({})
        return Request(
            prompt=self.prompt or "",
            negative_prompt=self.negative_prompt or "",
            sampler_name=self.sampler,
            scheduler=self.scheduler,
            steps=_whole(self.steps, 20),
            cfg_scale=_plain(7 if self.cfg_scale is None else self.cfg_scale),
            width=_whole(self.width, 0) or None,
            height=_whole(self.height, 0) or None,
            seed=_whole(self.seed, -1),
            n_iter=_whole(self.batch_count, 1),
            batch_size=_whole(self.batch_size, 1),
            save=bool(studio.options["samples_save"]),
            preview_every=_PREVIEW_EVERY if options.live_previews_enable else 0,
            options=options,
        )


async def draw(studio: Studio, pictures: Path, form: Form) -> AsyncIterator[tuple[Any, str, Any]]:
    """Yields (gallery, progress, infotext) until the pictures are there; files for the browser go under `pictures`."""
    job = studio.generate(form.request(studio))
    shown = ""
    while not job.done():
        now = words.progress_bar(studio.jobs.progress, studio.jobs.model)
        if now != shown:
            shown = now
            yield gr.skip(), now, gr.skip()
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
    yield _finished(job, pictures)


def _finished(job: Future[Result], pictures: Path) -> tuple[Any, str, Any]:
    try:
        result = job.result()
    except RequestError as error:
        return gr.skip(), words.failure(error), ""
    files = _files(result, pictures)
    # one picture is shown large, several as a grid
    gallery = gr.Gallery(value=files, selected_index=0 if len(files) == 1 else None)
    return gallery, "", words.infotext(result)


def _files(result: Result, folder: Path) -> list[str]:
    """The very bytes of the pictures, as files that the page may show: a download keeps its infotext."""
    place = folder / uuid4().hex
    place.mkdir(parents=True)
    files = []
    for number, picture in enumerate(result.pictures):
        name = Path(picture.path).name if picture.path else f"{number:05}-{picture.seed}.png"
        file = place / re.sub(r"[^\w.-]", "_", name)
        file.write_bytes(picture.data)
        files.append(str(file))
    return files


def _plain(value: float) -> float:
    """7.0 as 7, as the page of AUTOMATIC1111 writes it into the picture."""
    return int(value) if float(value).is_integer() else value


def _whole(value: float | None, default: int) -> int:
    return default if value is None or not math.isfinite(value) else int(value)
