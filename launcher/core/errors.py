"""The one exception that front ends show: what happened, what to do, and a code that scripts can rely on."""

from __future__ import annotations

from launcher.core.text import Text


class LauncherError(Exception):
    """A named failure: `code` is stable, `message` says what happened, `hint` says what to do."""

    def __init__(self, code: str, message: Text, hint: Text) -> None:
        super().__init__(f"{code}: {message} {hint}")
        self.code, self.message, self.hint = code, message, hint
