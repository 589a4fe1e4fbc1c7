"""Which files a browser may name: those that it has sent, and those that it was shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio import Blocks, processing_utils, utils

#: how Gradio's browser marks a file
_FILE = {"_type": "gradio.FileData"}


class NotSentError(Exception):
    """A file that lies elsewhere, or is none."""


def keep_to_uploads(blocks: Blocks) -> None:
    """Let Gradio look where a named file lies, which it does not for a page that is mounted; and look ourselves.

    Gradio compares the words of a path; we follow its links first. It looks only at what says of itself that it is a
    file, and some of its controls take what does not say so: whatever has a path is made to.
    """
    read = blocks.preprocess_data

    async def of_files(function: Any, inputs: list[Any], *more: Any, **named: Any) -> Any:
        return await read(function, [_as_file(each) for each in inputs], *more, **named)

    blocks.preprocess_data = of_files
    theirs = processing_utils._check_allowed  # noqa: SLF001 - it has no public door

    def check(path: str | Path, check_in_upload_folder: bool) -> None:
        if check_in_upload_folder:
            try:
                sent(path, utils.get_upload_folder())
            except NotSentError:
                raise gr.Error("This file was not sent by the browser.", print_exception=False) from None
        theirs(path, check_in_upload_folder)

    processing_utils._check_allowed = check  # noqa: SLF001
    blocks.has_launched = True


def _as_file(value: Any) -> Any:
    """Every object with a path in it, however deep, says that it is a file."""
    if isinstance(value, list):
        return [_as_file(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _as_file(each) for key, each in value.items()}
    return {**found, "meta": _FILE} if isinstance(value.get("path"), str) else found


def sent(path: str | Path, folder: str) -> Path:
    """The file itself, which lies below this folder. NotSentError where it does not."""
    try:
        real, root = Path(path).resolve(strict=True), Path(folder).resolve()
        if real.is_file() and real.is_relative_to(root):
            return real
    except (OSError, ValueError, RuntimeError):
        pass
    raise NotSentError(path)
