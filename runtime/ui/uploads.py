"""Which files a browser may name: those that it has sent, and those that it was shown."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio import Blocks, processing_utils, utils


class NotSentError(Exception):
    """A file that lies elsewhere, or is none."""


def keep_to_uploads(blocks: Blocks) -> None:
    """Let Gradio look where a named file lies, which it does not for a page that is mounted; and look ourselves.

    Gradio compares the words of a path; we follow its links first.
    """
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


def sent(path: str | Path, folder: str) -> Path:
    """The file itself, which lies below this folder. NotSentError where it does not."""
    try:
        real, root = Path(path).resolve(strict=True), Path(folder).resolve()
        if real.is_file() and real.is_relative_to(root):
            return real
    except (OSError, ValueError, RuntimeError):
        pass
    raise NotSentError(path)
