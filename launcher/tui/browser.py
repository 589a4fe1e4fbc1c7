"""Opens the page in the user's browser, where there is a screen for one."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser


def open_page(url: str) -> bool:
    """Open `url`; False over SSH and on machines without a screen, where a text browser would take the terminal."""
    if sys.platform not in ("win32", "darwin") and not _has_screen():
        return False
    # Some browsers make their caller wait until they are closed.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    return True


def _has_screen() -> bool:
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"))
