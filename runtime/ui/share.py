"""--share: a public address through Gradio's tunnel."""

from __future__ import annotations

import secrets
from pathlib import Path

from gradio import networking

from runtime.announce import say


def share(port: int, data_folder: Path) -> None:
    """Open the tunnel and say its address, or why there is none; the server goes on either way."""
    # Gradio would write the tunnel's certificate into the current folder
    networking.CERTIFICATE_PATH = str(data_folder / "cache" / "gradio" / "tunnel.pem")
    try:
        address = networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception as failure:  # noqa: BLE001 - a download, a program and a foreign server: anything may fail
        say(f"No public address: {failure} The server is still there for this computer.")
        return
    say(f"Running on public URL: {address}")
