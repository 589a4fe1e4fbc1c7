"""What the page says besides its labels: small pieces of HTML, each English text on its own so that it translates."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence

from runtime.library import DEMO_FOLDER
from runtime.progress import Progress
from runtime.request import ExtrasResult, MemoryUse, Picture, RequestError, Result
from runtime.tasks import ModelState
from runtime.ui.real_model import demo_only

LOADING = "Loading the model"
READY = "Ready"
NOT_LOADED = "The model could not be loaded:"
NO_CHECKPOINT = "No checkpoint was found. Put a .safetensors file into models/Stable-diffusion."
LOADED_LATER = "The model is loaded with the first picture."
WAITING_FOR_MODEL = "Waiting for the model …"
WAITING = "Waiting in the queue …"
BEFORE_YOU = "jobs before yours:"
STARTING = "Starting …"
INTERRUPTING = "Interrupting …"
SKIPPING = "Skipping …"
LEFT = "left:"
COULD_NOT = "Could not draw:"
INTERRUPTED = "Interrupted; this is how far it came."
TIME_TAKEN = "Time taken:"
SECONDS = "sec."
NOTHING_TO_SEND = "There is no picture here yet."
NOTHING_TO_SAVE = "There is no picture to save yet."
SAVED = "Saved:"
NOT_SAVED = "Could not be saved:"
OPENED = "Opened:"
NO_FOLDER = "The folder cannot be opened:"
FOLDER_ELSEWHERE = "Folders are opened only by who sits at the computer that draws."
LARGE_FILE = "The picture's file has more than 64 MB."
TOO_LARGE = "The picture has more than 178 million pixels."
NO_TEXT = "This file is no text that can be read."
NO_PARAMETERS = "The picture does not say what it was made with."
STORED = "Settings stored:"
NOTHING_CHANGED = "No setting was changed."
NOT_STORED = "The settings were not stored:"
AFTER_RELOAD = "The language counts after Reload UI."
AFTER_RESTART = "Some of them count after the next start of Gesso."
STYLES_SAVED = "The styles are saved."
STYLE_NOT_SAVED = "The style was not saved:"
STYLE_DELETED = "Deleted:"
NO_STYLE = "There is no style of this name:"
NO_FILES = "There are no files of this kind yet."
FILE_GONE = "The file is not there any more."
UNREADABLE = "The file cannot be read:"
PUT_FILES = "Put files into"
FOLDER = "Folder:"
FILE, SIZE = "File", "Size"
NOT_ENGLISH = "CLIP, which reads the prompt, understands English; words of other languages do little."
#: what the three letters of the memory line mean, shown where the mouse rests
ACTIVE = "Active: peak amount of video memory used during generation (excluding cached data)"
RESERVED = "Reserved: total amount of video memory allocated by the Torch library"
SYSTEM = "System: peak amount of video memory allocated by all running programs, out of total capacity"
_MINUTE = 60


def model_status(model: ModelState, anything: bool) -> str:
    """The line beside the checkpoint: loading, ready, or why not."""
    if model.state == "loading":
        return f'<div class="gesso-status loading"><span>{LOADING}</span> {_name(model.title)}</div>'
    if model.state == "ready":
        status = f'<div class="gesso-status"><span>{READY}</span> · {_name(model.title)} · {model.seconds:.1f} s</div>'
        return status + (demo_only() if model.path and model.path.parent == DEMO_FOLDER else "")
    if model.state == "failed" and model.error is not None:
        return _failed("gesso-status", NOT_LOADED, model.error)
    if not anything:
        return f'<div class="gesso-status failed">{NO_CHECKPOINT}</div>'
    return f'<div class="gesso-status">{LOADED_LATER}</div>'


def progress_bar(progress: Progress, model: ModelState, ahead: int) -> str:
    """The bar with what is happening and the time left, and the picture as it stands; `ahead` jobs come first.

    A model that loads is what all wait for; the load itself counts among those ahead.
    """
    drawing = progress.sampling_step > 0 or progress.job_no > 0
    if model.state == "loading" and not drawing:
        return _bar(0.0, WAITING_FOR_MODEL)
    if ahead:
        return _bar(0.0, f"<span>{WAITING}</span> <span>{BEFORE_YOU}</span> {ahead}")
    shown = "" if progress.preview is None else _bare(progress.preview)
    if progress.interrupted or progress.skipped:
        # the step that runs is drawn to its end
        return _bar(progress.fraction, INTERRUPTING if progress.interrupted else SKIPPING) + shown
    if not drawing and progress.expected is None:
        return _bar(0.0, STARTING)
    if not drawing:
        return _bar(0.0, f"<span>{STARTING}</span> <span>{LEFT}</span> {duration(progress.seconds_left)}")
    label = f"{progress.fraction:.0%} · <span>{LEFT}</span> {duration(progress.seconds_left)}"
    return _bar(progress.fraction, label) + shown


def _bare(picture: bytes) -> str:
    """In the page itself; browsers look at the bytes for the kind of file."""
    coded = base64.b64encode(picture).decode()
    return f'<img class="gesso-preview" alt="" src="data:image/png;base64,{coded}">'


def counted(number: int, of: int) -> str:
    """`3/12`: which picture of a batch is drawn."""
    return f'<p class="gesso-remark" data-untranslated>{number}/{of}</p>'


def duration(seconds: float) -> str:
    """`8s`, `01:15`, `2:03:04`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes:02}:{rest:02}" if minutes else f"{rest}s"


def failure(error: RequestError) -> str:
    """Why there is no picture, and what to do."""
    return _failed("gesso-message", COULD_NOT, error)


def without_files(error: RequestError, pictures: Sequence[Picture]) -> str:
    """Why there are no files, and the pictures."""
    return _failed("gesso-message", NOT_SAVED, error) + "".join(_bare(picture.data) for picture in pictures)


def notes(result: Result | ExtrasResult) -> str:
    """The worker's remarks on a job."""
    remarks = [f"<p>{html.escape(comment)}</p>" for comment in result.comments]
    if isinstance(result, Result) and result.interrupted:
        remarks.insert(0, f"<p>{INTERRUPTED}</p>")
    return "".join(remarks)


def infotext(text: str, remarks: str = "") -> str:
    """What made a picture, as it stands in its file."""
    return f'{remarks}<div class="gesso-infotext" data-untranslated>{html.escape(text)}</div>'


def performance(result: Result | ExtrasResult) -> str:
    """Time taken and video memory, as AUTOMATIC1111 prints them."""
    minutes, seconds = divmod(result.seconds, _MINUTE)
    taken = f"{int(minutes)} min. {seconds:.1f}" if minutes else f"{seconds:.1f}"
    time = f'<p class="time"><span>{TIME_TAKEN}</span> {taken} <span>{SECONDS}</span></p>'
    memory = _memory(result.memory) if isinstance(result, Result) else ""
    return f'<div class="performance">{time}{memory}</div>'


def _memory(used: MemoryUse) -> str:
    parts = []
    if used.active is not None:
        parts.append(f'<span title="{ACTIVE}">A: {_gigabytes(used.active)} GB</span>')
    if used.reserved is not None:
        parts.append(f'<span title="{RESERVED}">R: {_gigabytes(used.reserved)} GB</span>')
    if used.system_used is not None and used.system_total:
        share = used.system_used / used.system_total
        whole = f"{_gigabytes(used.system_used, 1)}/{_gigabytes(used.system_total, 1)} GB ({share:.1%})"
        parts.append(f'<span title="{SYSTEM}">Sys: {whole}</span>')
    return f'<p class="vram">{", ".join(parts)}</p>' if parts else ""


def _gigabytes(mebibytes: int, places: int = 2) -> str:
    return f"{mebibytes / 1024:.{places}f}"


def tokens(used: int | None, room: int | None) -> str:
    """`12/75`; None where the prompt cannot be read."""
    return f'<span class="gesso-tokens">{"?" if used is None else f"{used}/{room}"}</span>'


def prompt_hint() -> str:
    """One line under a prompt that is not English."""
    return remark(NOT_ENGLISH)


def remark(sentence: str, detail: str | Exception = "") -> str:
    """A sentence of the page, and a name or a path that it is about, or why."""
    about = f" {_why(detail) if isinstance(detail, Exception) else _as_it_is(detail)}" if detail else ""
    return f'<p class="gesso-remark"><span>{sentence}</span>{about}</p>'


def toast(what: str, error: RequestError) -> str:
    """For a message over the page; Gradio shows no title of ours there."""
    return f"<strong>{what}</strong> {_why(error)}"


def png_info(text: str, items: Mapping[str, str]) -> str:
    """A picture's texts, each under its name."""
    if not text and not items:
        return remark(NO_PARAMETERS)
    shown = ({"parameters": text} if text else {}) | dict(items)
    return "".join(
        f'<div class="gesso-item"><h3 data-untranslated>{html.escape(key)}</h3>'
        f'<div class="gesso-infotext" data-untranslated>{html.escape(value)}</div></div>'
        for key, value in shown.items()
    )


def table(rows: Mapping[str, str]) -> str:
    """Names and values; the names are English texts of the page, the values the file's own."""
    lines = (
        f"<tr><th>{html.escape(name)}</th><td data-untranslated>{html.escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    return f'<table class="gesso-table">{"".join(lines)}</table>'


def settings_changed(names: list[str], restart: bool) -> str:
    """What Apply settings did."""
    if not names:
        return remark(NOTHING_CHANGED)
    later = (remark(AFTER_RELOAD) if "localization" in names else "") + (remark(AFTER_RESTART) if restart else "")
    return remark(STORED, ", ".join(names)) + later


def not_loaded(error: RequestError) -> str:
    """Why the model is the one that it was."""
    return _failed("gesso-message", NOT_LOADED, error)


def not_stored(error: RequestError) -> str:
    """Why the settings are as they were."""
    return _failed("gesso-message", NOT_STORED, error)


def _bar(fraction: float, label: str) -> str:
    percent = max(min(fraction, 1.0), 0.0) * 100
    inner = f'<div class="gesso-filled" style="width:{percent:.1f}%"></div><div class="gesso-label">{label}</div>'
    return f'<div class="gesso-bar" role="progressbar" aria-valuenow="{percent:.0f}">{inner}</div>'


def _failed(kind: str, what: str, error: RequestError) -> str:
    return f'<div class="{kind} failed"><strong>{what}</strong> {_why(error)}</div>'


def _why(error: Exception) -> str:
    """Sentences of ours translate one by one; what the system says stays as it is."""
    if isinstance(error, RequestError):
        return f"<span>{html.escape(error.message)}</span> <span>{html.escape(error.hint)}</span>"
    return _as_it_is(str(error))


def _as_it_is(text: str) -> str:
    return f"<span data-untranslated>{html.escape(text)}</span>"


def _name(title: str) -> str:
    return f"<b data-untranslated>{html.escape(title)}</b>"
