"""What front ends show when something is in the way: the one exception, and findings; each with a code for scripts."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher.core.text import Text, t

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class LauncherError(Exception):
    """A named failure: `code` is stable, `message` says what happened, `hint` says what to do."""

    def __init__(self, code: str, message: Text, hint: Text) -> None:
        super().__init__(f"{code}: {message} {hint}")
        self.code, self.message, self.hint = code, message, hint


class NotWrittenError(LauncherError, OSError):
    """The system did not let a file be written: `disk-full`, or `no-permission` for whatever else is in the way.

    An OSError too: what can do without the file ignores it as it would any other refusal of the system.
    """

    def __init__(self, file: Path, error: OSError) -> None:
        if error.errno in _FULL:
            code, hint = "disk-full", t("Free some space, or choose a folder on another disk with --root.")
        else:
            code = "no-permission"
            hint = t("Look at what lies there and at its rights, or choose a folder of your own with --root.")
        why = error.strerror or error
        super().__init__(code, t("The file {file} cannot be written: {why}.", file=file, why=why), hint)
        self.errno, self.strerror = error.errno, error.strerror


def not_made(folder: Path, error: OSError, hint: Text | None = None) -> LauncherError:
    """The system did not let a folder be made: `disk-full`, or `no-permission` with this hint for whatever else."""
    refused = NotWrittenError(folder, error)
    message = t("The folder {folder} cannot be made: {why}.", folder=folder, why=error.strerror or error)
    full = refused.code == "disk-full"
    return LauncherError(refused.code, message, refused.hint if full or hint is None else hint)


@contextlib.contextmanager
def writing(file: Path) -> Iterator[None]:
    """What the system refuses meanwhile is a NotWrittenError about `file`."""
    try:
        yield
    except NotWrittenError:
        raise
    except OSError as error:
        raise NotWrittenError(file, error) from error


@dataclass(frozen=True)
class Finding:
    """`severity` is info, warning or error: with an error, installing would fail."""

    slug: str
    severity: Literal["info", "warning", "error"]
    message: Text
