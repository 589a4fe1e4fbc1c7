"""What the page says besides its labels: small pieces of HTML, each English text on its own so that it translates."""

from __future__ import annotations

import base64
import html

from runtime.progress import Progress
from runtime.request import RequestError, Result
from runtime.tasks import ModelState


def model_status(model: ModelState, anything: bool) -> str:
    """The line beside the checkpoint: loading, ready, or why not."""
    if model.state == "loading":
        return f'<div class="gesso-status loading"><span>Loading the model</span> {_name(model.title)}</div>'
    if model.state == "ready":
        return f'<div class="gesso-status"><span>Ready</span> · {_name(model.title)} · {model.seconds:.1f} s</div>'
    if model.state == "failed" and model.error is not None:
        return _failed("gesso-status", "The model could not be loaded:", model.error)
    if not anything:
        return (
            '<div class="gesso-status failed">No checkpoint was found. Put a .safetensors file into '
            "models/Stable-diffusion.</div>"
        )
    return '<div class="gesso-status">The model is loaded with the first picture.</div>'


def progress_bar(progress: Progress, model: ModelState) -> str:
    """The bar with what is happening, and the picture as it stands."""
    if progress.sampling_step == 0 and progress.job_no == 0:
        loading = model.state == "loading"
        return _bar(
            0.0, "Waiting for the model …" if loading else "Starting …" if progress.job else "Waiting in the queue …"
        )
    shown = ""
    if progress.preview is not None:
        coded = base64.b64encode(progress.preview).decode()
        shown = f'<img class="gesso-preview" alt="" src="data:image/png;base64,{coded}">'
    return _bar(progress.fraction, f"{progress.fraction:.0%}") + shown


def failure(error: RequestError) -> str:
    """Why there is no picture, and what to do."""
    return _failed("gesso-message", "Could not draw:", error)


def infotext(result: Result) -> str:
    """What made the first picture, with the worker's remarks."""
    remarks = [html.escape(comment) for comment in result.comments]
    if result.interrupted:
        remarks.insert(0, "Interrupted; this is how far it came.")
    notes = "".join(f"<p>{remark}</p>" for remark in remarks)
    text = html.escape(result.pictures[0].infotext) if result.pictures else ""
    return f'{notes}<div class="gesso-infotext" data-untranslated>{text}</div>'


def _bar(fraction: float, label: str) -> str:
    percent = max(min(fraction, 1.0), 0.0) * 100
    width = f"{percent:.1f}%" if percent else "auto"
    return f'<div class="gesso-bar" role="progressbar"><div style="width:{width}">{label}</div></div>'


def _failed(kind: str, what: str, error: RequestError) -> str:
    why = f"<span data-untranslated>{html.escape(error.message)} {html.escape(error.hint)}</span>"
    return f'<div class="{kind} failed"><strong>{what}</strong> {why}</div>'


def _name(title: str) -> str:
    return f"<b data-untranslated>{html.escape(title)}</b>"
