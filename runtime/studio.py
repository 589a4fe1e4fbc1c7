"""What page and API share: the settings, the library, the options, and the queue with the chosen checkpoint."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime import protocol
from runtime.advice import Advice, advice_for
from runtime.engine.diffusers_folder import is_diffusers_folder
from runtime.flags import Settings
from runtime.freezing import freeze_from
from runtime.hashes import HashCache
from runtime.jobs import Jobs
from runtime.library import Checkpoint, Library
from runtime.limits import check_extras, check_request
from runtime.options import Options, keepable
from runtime.paces import Paces
from runtime.places import Place
from runtime.refusals import Verdicts
from runtime.request import Extras, ExtrasResult, Request, RequestError, Result
from runtime.stock import Stock
from runtime.tasks import ModelState

#: why a checkpoint cannot be loaded, as far as its header tells
Judge = Callable[[Path], RequestError | None]
_LOG = logging.getLogger(__name__)
#: how clients say that a job needs no further checkpoint
_NO_OTHER = ("", "none", "use same checkpoint")


class Studio:
    """One per server. `start` begins to load the chosen checkpoint."""

    def __init__(
        self,
        settings: Settings,
        worker: Sequence[str],
        announce: Callable[[protocol.Event], None],
        judge: Judge = lambda _path: None,
    ) -> None:
        self.settings, self._verdicts = settings, Verdicts(judge)
        file = settings.path("ui_settings_file") or settings.data_dir / "config.json"
        self.options = Options(file, freeze_from(settings.flags, settings.exposed))
        self.stock = Stock(settings)
        self.library = _library(settings)
        paces = Paces(settings.data_dir / "step-times.json")
        self.jobs = Jobs((*worker, *settings.worker_flags), announce, self._hashed, paces)
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
        """Start the worker; the model begins to load unless the flags say otherwise or its header is bad.

        The header is judged aside: the worker starts and the server answers meanwhile.
        """
        self.jobs.start()
        chosen = self.chosen
        if chosen:
            threading.Thread(target=self._begin_with, args=(chosen,), name="judge", daemon=True).start()

    def _begin_with(self, chosen: Checkpoint) -> None:
        bad = self._verdicts.of(chosen.path)
        if bad:
            _LOG.error("The checkpoint cannot be loaded (%s): %s", bad.code, bad)
            self.jobs.refuse(chosen.path, bad)
        elif self.settings.on("skip_load_model_at_start") or self.settings.on("ui_debug_mode"):
            return
        elif self._chosen == chosen.path and self.jobs.model.path is None:
            # meanwhile somebody may have asked for it, or for another one
            self._load(chosen)

    def choose(self, spelling: str) -> Future[ModelState]:
        """Load another checkpoint and keep it for the jobs to come; RequestError at once for an unknown name.

        Judges the file, which may take minutes: not for the event loop.
        """
        found = self.library.find(spelling)
        if found is None:
            raise RequestError("model-not-found", f"model {spelling!r} not found", "Choose one of /sdapi/v1/sd-models.")
        if self._chosen != found.path:
            self.options.freeze.refuse({"sd_model_checkpoint": found.title})
            self._refuse_unusable(found)
        if self.jobs.model.state == "ready" and self.jobs.model.path == found.path == self._chosen:
            done: Future[ModelState] = Future()
            done.set_result(self.jobs.model)
            return done
        kept: Future[ModelState] = Future()
        # it is answered whether or not somebody still waits
        kept.set_running_or_notify_cancel()
        self._load(found).add_done_callback(lambda loaded: self._keep_aside(found, loaded, kept))
        return kept

    def generate(
        self, request: Request, spelling: str | None = None, name: str | None = None, client: str | Place = ""
    ) -> Future[Result]:
        """Draw in turn, with the chosen checkpoint or, for this job, another one; an unknown spelling is ignored.

        RequestError at once for what no model could draw, and where too many jobs wait. `name`: what the one who asks
        calls the job; `client`: who takes turns with others, or the place that was given to them. Judges another
        checkpoint's file: not for the event loop.
        """
        check_request(request)
        request = _with_checkpoints(request)
        self._refuse_unknown(request)
        other = self.library.find(spelling) if spelling else None
        wanted = other or self.chosen
        if other:
            self._refuse_unusable(other)
        path, sha256 = (wanted.path, wanted.sha256) if wanted else (None, None)
        return self.jobs.generate(request, path, sha256, name, client)

    def keep(self, overrides: Mapping[str, Any]) -> None:
        """What a job has set for itself stays set, its checkpoint too; folders do not.

        RequestError where it cannot be stored. Waits for other servers' writing: not for the event loop.
        """
        found = self.library.find(str(overrides.get("sd_model_checkpoint") or ""))
        settings = {name: value for name, value in overrides.items() if keepable(name) and value is not None}
        self.options.update(settings)
        if found:
            self._keep(found)

    def advice(self, spelling: object = None) -> Advice:
        """What is advised for the checkpoint that a job would take."""
        found = (self.library.find(spelling) if isinstance(spelling, str) else None) or self.chosen
        return advice_for(found.path) if found else Advice()

    def enlarge(self, extras: Extras, client: str | Place = "") -> Future[ExtrasResult]:
        """Upscale in turn; RequestError at once for impossible sizes, and where too many jobs wait."""
        check_extras(extras)
        return self.jobs.enlarge(extras, client)

    def look_again(self) -> None:
        """At the folders; what could not be loaded may be tried again."""
        self.library.refresh()
        self._verdicts.forget()
        self.jobs.forget_refusals()

    def unload(self) -> Future[ModelState]:
        """Take the model out of memory; the next job, or `reload`, brings it back."""
        return self.jobs.unload()

    def reload(self) -> Future[ModelState]:
        """Load the chosen checkpoint again."""
        chosen = self.chosen
        if chosen is None:
            raise RequestError("no-model", "There is no checkpoint to load.", "Put one into models/Stable-diffusion.")
        return self._load(chosen)

    def _refuse_unusable(self, checkpoint: Checkpoint) -> None:
        """RequestError at once for a file whose header says that it cannot be loaded."""
        bad = None if self.jobs.model.path == checkpoint.path else self._verdicts.of(checkpoint.path)
        if bad:
            raise bad

    def _refuse_unknown(self, request: Request) -> None:
        """RequestError at once for a further checkpoint that nobody has."""
        hires = request.hires.checkpoint if request.hires else None
        for field, name in (("refiner_checkpoint", request.refiner_checkpoint), ("hr_checkpoint_name", hires)):
            if name and self.library.find(name) is None:
                message = f"{field}: there is no checkpoint named {name:.80}."
                raise RequestError("checkpoint-unknown", message, "Choose one of /sdapi/v1/sd-models.")

    def _keep_aside(self, checkpoint: Checkpoint, loaded: Future[ModelState], kept: Future[ModelState]) -> None:
        """The settings may be locked by another server: the queue does not wait for that, but whoever chose does."""

        def keep() -> None:
            try:
                state = loaded.result()
                self._keep(checkpoint)
            except BaseException as failure:  # noqa: BLE001 - whatever it is, whoever chose hears of it
                kept.set_exception(failure)
            else:
                kept.set_result(state)

        threading.Thread(target=keep, name="keep", daemon=True).start()

    def _keep(self, checkpoint: Checkpoint) -> None:
        self._chosen = checkpoint.path
        self.options.update({"sd_model_checkpoint": (self.library.at(checkpoint.path) or checkpoint).title}, False)

    def _load(self, checkpoint: Checkpoint) -> Future[ModelState]:
        loading = self.jobs.load(checkpoint.path, checkpoint.sha256)
        loading.add_done_callback(self._loaded)
        return loading

    def _loaded(self, loading: Future[ModelState]) -> None:
        failure = loading.exception()
        if isinstance(failure, RequestError):
            _LOG.error("The checkpoint could not be loaded (%s): %s", failure.code, failure)
            return
        state = None if failure else loading.result()
        if state and state.path and state.sha256:
            self._hashed(state.path, state.sha256)

    def _hashed(self, path: Path, sha256: str) -> None:
        """The disk may be slow: aside, so that the queue goes on."""
        found = self.library.at(path)
        if found is not None and found.sha256 is None:
            threading.Thread(target=self.library.hash, args=(found, sha256), daemon=True).start()

    def _first_choice(self) -> Path | None:
        wanted = self.settings.path("ckpt")
        if wanted is not None:
            if wanted.is_file() or is_diffusers_folder(wanted):
                return wanted
            _LOG.error("The checkpoint %s of --ckpt does not exist.", wanted)
        stored = self.options["sd_model_checkpoint"]
        found = self.library.find(stored) if isinstance(stored, str) else None
        everything = self.library.checkpoints()
        return found.path if found else everything[0].path if everything else None


def _with_checkpoints(request: Request) -> Request:
    """The further checkpoints as names or None."""
    hires = request.hires and replace(request.hires, checkpoint=_other(request.hires.checkpoint))
    return replace(request, hires=hires, refiner_checkpoint=_other(request.refiner_checkpoint))


def _other(name: str | None) -> str | None:
    return None if name is None or name.strip().lower() in _NO_OTHER else name


def _library(settings: Settings) -> Library:
    hashes = None if settings.on("no_hashing") else HashCache(settings.data_dir / "cache.json")
    return Library(settings.folders.checkpoints, settings.path("ckpt"), hashes)
