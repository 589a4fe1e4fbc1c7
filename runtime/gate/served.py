"""Which files may be served, whatever Gradio thinks, and with which headers a browser gets what is served."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from starlette.types import Message

#: shown by the browser; everything else is only to be saved
_SHOWN = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"})
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
)
_OF_FILES = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox")


def may_serve(written: str, folders: Sequence[Path]) -> bool:
    """Does this name a plain file inside one of these folders? Links are followed first, then places are compared.

    Nothing whose name, or a folder's on the way from there, begins with a dot. `written` is taken as it stands and
    once more unquoted: both must be inside.
    """
    return all(_inside(spelling, folders) for spelling in {written, unquote(written)})


def _inside(written: str, folders: Sequence[Path]) -> bool:
    if not written or "\0" in written or "://" in written or _is_elsewhere(written):
        return False
    try:
        path = Path(written)
        real = path.resolve(strict=True)
        if not real.is_file() or ".." in path.parts:
            return False
        for folder in folders:
            root = folder.resolve()
            if real.is_relative_to(root):
                return not any(part.startswith(".") for part in real.relative_to(root).parts)
    except (OSError, ValueError, RuntimeError):
        return False
    return False


def _is_elsewhere(written: str, separator: str = os.sep) -> bool:
    """Another computer's folder or a device, by Windows' rules; elsewhere a backslash is none of ours."""
    if separator != "\\":
        return "\\" in written
    return written.replace("/", "\\").startswith("\\\\") or ":" in written[2:]


def with_headers(message: Message, file: str | None) -> Message:
    """The start of an answer, with what keeps a browser from running what it should show; `file` was asked for."""
    headers = list(message["headers"])
    there = {name.lower() for name, _ in headers}
    extra = [*_ALWAYS]
    if file is not None:
        kind = mimetypes.guess_type(unquote(file))[0]
        headers = [(name, value) for name, value in headers if name.lower() != b"content-disposition"]
        there -= {b"content-disposition"}
        extra = [pair for pair in extra if pair[0] != _OF_FILES[0]] + [_OF_FILES]
        if kind not in _SHOWN:
            extra.append((b"content-disposition", b"attachment"))
    return {**message, "headers": headers + [pair for pair in extra if pair[0] not in there]}
