"""What page and API share: the settings, the library, the options, and the queue with the chosen checkpoint."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from runtime import protocol
from runtime.flags import Settings
from runtime.hashes import HashCache
from runtime.jobs import Jobs
from runtime.library import Checkpoint, Library
from runtime.options import Options
from runtime.request import Request, RequestError, Result
from runtime.tasks import ModelState

_LOG = logging.getLogger(__name__)


class Studio:
    """One per server. `start` begins to load the chosen checkpoint."""

    def __init__(self, settings: Settings, worker: Sequence[str], announce: Callable[[protocol.Event], None]) -> None:
        self.settings = settings
        self.options = Options(settings.path("ui_settings_file") or settings.data_dir / "config.json")
        self.library = _library(settings)
        self.jobs = Jobs((*worker, *settings.worker_flags), announce)
        self._chosen = self._first_choice()

    @property
    def chosen(self) -> Checkpoint | None:
        """The checkpoint that jobs use, with its hash if that is known by now."""
        return (
            None
            if self._chosen is None
            else self.library.at(self._chosen) or Checkpoint(self._chosen, self._chosen.name)
        )

    def start(self) -> None:
        """Start the worker; the model begins to load unless the flags say otherwise."""
        self.jobs.start()
        chosen = self.chosen
        if chosen and not self.settings.on("skip_load_model_at_start") and not self.settings.on("ui_debug_mode"):
            self._load(chosen)

    def choose(self, spelling: str) -> Future[ModelState]:
        """Load another checkpoint and keep it for the jobs to come; RequestError at once for an unknown name."""
        found = self.library.find(spelling)
        if found is None:
            raise RequestError("model-not-found", f"model {spelling!r} not found", "Choose one of /sdapi/v1/sd-models.")
        if self.jobs.model.state == "ready" and self.jobs.model.path == found.path == self._chosen:
            done: Future[ModelState] = Future()
            done.set_result(self.jobs.model)
            return done
        loading = self._load(found)
        loading.add_done_callback(lambda done: None if done.exception() else self._keep(found))
        return loading

    def generate(self, request: Request, spelling: str | None = None) -> Future[Result]:
        """Draw in turn, with the chosen checkpoint or, for this job, another one; an unknown spelling is ignored."""
        other = self.library.find(spelling) if spelling else None
        wanted = other or self.chosen
        return self.jobs.generate(request, wanted.path if wanted else None, wanted.sha256 if wanted else None)

    def _keep(self, checkpoint: Checkpoint) -> None:
        self._chosen = checkpoint.path
        self.options.update({"sd_model_checkpoint": (self.library.at(checkpoint.path) or checkpoint).title})

    def _load(self, checkpoint: Checkpoint) -> Future[ModelState]:
        loading = self.jobs.load(checkpoint.path, checkpoint.sha256)
        loading.add_done_callback(self._loaded)
        return loading

    def _loaded(self, loading: Future[ModelState]) -> None:
        """Hashing takes seconds for a large file: aside, so that the queue goes on."""
        failure = loading.exception()
        if isinstance(failure, RequestError):
            _LOG.error("The checkpoint could not be loaded (%s): %s", failure.code, failure)
            return
        if failure is None:
            state = loading.result()
            found = self.library.at(state.path) if state.path else None
            if found is not None and found.sha256 is None:
                threading.Thread(target=self.library.hash, args=(found, state.sha256), daemon=True).start()

    def _first_choice(self) -> Path | None:
        wanted = self.settings.path("ckpt")
        if wanted is not None:
            if wanted.is_file():
                return wanted
            _LOG.error("The checkpoint %s of --ckpt does not exist.", wanted)
        stored = self.options["sd_model_checkpoint"]
        found = self.library.find(stored) if isinstance(stored, str) else None
        everything = self.library.checkpoints()
        return found.path if found else everything[0].path if everything else None


def _library(settings: Settings) -> Library:
    folders = (settings.path("ckpt_dir"), settings.models_dir / "Stable-diffusion")
    hashes = None if settings.on("no_hashing") else HashCache(settings.data_dir / "cache.json")
    return Library(tuple(folder for folder in folders if folder), settings.path("ckpt"), hashes)
