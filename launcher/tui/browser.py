"""Opens the page in the user's browser, where there is a screen for one."""

from __future__ import annotations

import getpass
import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from urllib.parse import urlsplit

from launcher.core.text import Text, t


def open_page(url: str) -> bool:
    """Open `url`; False over SSH and on machines without a screen, where a text browser would take the terminal."""
    if sys.platform not in ("win32", "darwin") and not _has_screen():
        return False
    # Some browsers make their caller wait until they are closed.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    return True


def way_in(url: str, network: tuple[str, ...], environ: Mapping[str, str]) -> Text:
    """How the page is reached from where somebody sits, when it cannot be shown here: `url` is this computer's own
    address, `network` what others in the local network open.
    """
    if network:
        return t("There is no screen here: open {url} in the browser of your computer.", url=network[0])
    if command := _tunnel(url, environ):
        return t(
            "The page is on this computer, not on yours. On yours, in another terminal: {command} and then open {url} "
            "there. Or p: the profile lan lets others in the network in.",
            command=command,
            url=url,
        )
    return t("There is no screen here, and {url} opens on this computer alone. p: the profile lan lets others in the "
             "network in.", url=url)  # fmt: skip


def _tunnel(url: str, environ: Mapping[str, str]) -> str | None:
    """What brings `url` to the other end of this SSH connection; None: it is none."""
    said, port = environ.get("SSH_CONNECTION", "").split(), urlsplit(url).port
    if len(said) != 4 or port is None:
        return None
    *_, host, ssh_port = said
    other = "" if ssh_port == "22" else f"-p {ssh_port} "
    return f"ssh {other}-L {port}:127.0.0.1:{port} {getpass.getuser()}@{host}"


def _has_screen() -> bool:
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"))
