"""What front ends show when something is in the way: the one exception, and findings; each with a code for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from launcher.core.text import Text


class LauncherError(Exception):
    """A named failure: `code` is stable, `message` says what happened, `hint` says what to do."""

    def __init__(self, code: str, message: Text, hint: Text) -> None:
        super().__init__(f"{code}: {message} {hint}")
        self.code, self.message, self.hint = code, message, hint


@dataclass(frozen=True)
class Finding:
    """`severity` is info, warning or error: with an error, installing would fail."""

    slug: str
    severity: Literal["info", "warning", "error"]
    message: Text
