"""The proof picture: asked of the runtime that was just started, through its own API, and kept beside the others."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, Notice, Ready
from launcher.core.paths import Workspace
from launcher.core.records import write_bytes
from launcher.core.setup.expectations import FirstPicture, read_expectations
from launcher.core.setup.first_model import DEMO, LINK
from launcher.core.text import Text, t

FILE = "first-picture.png"
#: the file in runtime/assets
DEMO_FILE = "gesso-demo"
#: seconds: a large model on a slow processor draws for a long time
_PATIENCE = 3600.0


@dataclass(frozen=True)
class Picture:
    """A picture file, and how it came about."""

    file: Path
    prompt: str
    seconds: float


def wish(model: str) -> FirstPicture:
    """What is drawn first with the chosen model."""
    pictures = read_expectations().pictures
    wanted = DEMO if model == DEMO else "any"
    return next(each for each in pictures if each.model == wanted)


def draw(workspace: Workspace, url: str, model: str, credentials: Credentials | None = None) -> Picture:
    """One picture by the runtime at `url`, with the model that was chosen, which stays chosen.

    LauncherError `not-drawn`: its message is the runtime's own.
    """
    first = wish(model)
    if not model.startswith(LINK):
        chosen = DEMO_FILE if model == DEMO else Path(model).stem
        if model != DEMO:
            # It may have come while the runtime was running already.
            _ask(url, "refresh-checkpoints", {}, credentials)
        # It is loaded by then, so that what is timed is the drawing.
        _ask(url, "options", {"sd_model_checkpoint": chosen}, credentials)
    began = time.monotonic()
    answer = _ask(url, "txt2img", {"prompt": first.prompt, "steps": first.steps, "seed": 1}, credentials)
    try:
        data = base64.b64decode(answer["images"][0], validate=True)
    except (KeyError, IndexError, TypeError, binascii.Error) as error:
        raise _not_drawn(t("its answer holds no picture")) from error
    return Picture(_kept(workspace, data), first.prompt, time.monotonic() - began)


def until_ready(events: Iterator[Event]) -> Iterator[Event]:
    """The events of a launch, up to the one that says where it serves."""
    for event in events:
        yield event
        if isinstance(event, Ready):
            return


def _kept(workspace: Workspace, data: bytes) -> Path:
    file = workspace.outputs / FILE
    try:
        write_bytes(file, data)
    except OSError as error:
        message = t("The file {file} cannot be written: {why}.", file=file, why=error.strerror or error)
        raise LauncherError("not-drawn", message, t("Free some space, then try again.")) from error
    return file


def _ask(url: str, route: str, body: dict[str, object], credentials: Credentials | None) -> dict[str, Any]:
    # Slow to import, and asked for here alone.
    import requests

    with requests.Session() as session:
        # A proxy of the system has no business between two programs of this computer.
        session.trust_env = False
        if credentials:
            session.auth = (credentials.user, credentials.password)
        try:
            answer = session.post(f"{url.rstrip('/')}/sdapi/v1/{route}", json=body, timeout=(10.0, _PATIENCE))
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise _not_drawn(Text("{why}", (("why", error),))) from error
    if answer.status_code >= 400:
        said = found.get("detail") or found.get("error") if isinstance(found, dict) else None
        raise _not_drawn(Text("{why}", (("why", said or answer.status_code),)))
    return found if isinstance(found, dict) else {}


def _not_drawn(why: Text) -> LauncherError:
    return LauncherError(
        "not-drawn",
        t("The picture could not be drawn: {why}.", why=why),
        t("Try again, or choose another model; the log says more."),
    )


def failure(event: Event) -> LauncherError | None:
    """A model that could not be loaded: nothing will be drawn with it."""
    if isinstance(event, Notice) and event.slug == "model-failed":
        return LauncherError("not-drawn", event.text, t("Try again, or choose another model; the log says more."))
    return None
