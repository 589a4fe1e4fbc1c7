"""A batch: many pictures, each a job of the queue, one handed in when the one before has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime.request import ExtrasResult, Picture, RequestError, Result
from runtime.tasks import as_request_error

Drawn = Result | ExtrasResult
#: pictures that are kept as files are shown up to this many; the others wait in their folder
_SHOWN = 32


class Batch:
    """One picture at least. It goes on by itself: whoever asked for it may close the page."""

    def __init__(self, wanted: Sequence[tuple[Path, Callable[[], Future[Any]]]]) -> None:
        self._wanted = wanted
        self.job: Future[Any] | None = None
        self.number = 0
        self._last: Drawn | None = None
        #: what went wrong, and with which files
        self._refused: dict[tuple[str, str, str], list[str]] = {}
        self._told: dict[str, None] = {}
        self._pictures: list[Picture] = []
        self._made, self._seconds = 0, 0.0
        self._thread = threading.Thread(target=self._run, name="batch", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._wanted)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Drawn:
        """All that was made as one result; the last picture's error where none could be made."""
        if self._last is None:
            raise RequestError(*next(reversed(self._refused)))
        told = [*self._told]
        if self._made > len(self._pictures):
            told.append(f"{self._made} pictures were made; the first {len(self._pictures)} are shown.")
        for (_, message, hint), names in self._refused.items():
            told += [f"{', '.join(names)}:", message, hint]
        return replace(self._last, pictures=tuple(self._pictures), seconds=self._seconds, comments=tuple(told))

    def _run(self) -> None:
        for file, hand_in in self._wanted:
            self.number += 1
            try:
                self.job = hand_in()
                result = self.job.result()
            except Exception as failure:  # noqa: BLE001 - whatever one picture is, the others go on
                error = as_request_error(failure)
                self._refused.setdefault((error.code, error.message, error.hint), []).append(file.name)
                continue
            self._keep(result)
            if result.interrupted:
                return

    def _keep(self, result: Drawn) -> None:
        for picture in result.pictures:
            self._made += 1
            if picture.path is None or len(self._pictures) < _SHOWN:
                self._pictures.append(picture)
        self._last = result
        self._told |= dict.fromkeys(result.comments)
        self._seconds += result.seconds
