"""--share: a public address through Gradio's tunnel, which closes when nobody has used it for hours."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from gradio import networking, tunneling

from runtime.announce import say

#: seconds without a visitor after which the tunnel closes, and between two looks
IDLE = 8 * 3600.0
_LOOK = 60.0
#: all of this process's variables that the tunnel's program gets: nobody knows what others put into theirs
_PASSED_ON = frozenset(
    (*("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "WINDIR", "TMPDIR", "TEMP", "TMP", "LANG", "TZ"),
     *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"))
)  # fmt: skip


def share(port: int, data_folder: Path, opened: Callable[[str], None], idle: Callable[[], float]) -> None:
    """Open the tunnel and say its address, or why there is none; the server goes on either way.

    `opened` is told the address before anybody can know it; `idle` says for how many seconds nobody came by it.
    """
    # Gradio would write the tunnel's certificate into the current folder
    networking.CERTIFICATE_PATH = str(data_folder / "cache" / "gradio" / "tunnel.pem")
    variables = {name: value for name, value in os.environ.items() if name.upper() in _PASSED_ON}
    # all that Gradio takes from there; it hands its program every variable
    tunneling.subprocess = SimpleNamespace(Popen=partial(subprocess.Popen, env=variables), PIPE=subprocess.PIPE)
    try:
        refuse_changed_client(Path(tunneling.BINARY_PATH))
        address = networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception as failure:  # noqa: BLE001 - a download, a program and a foreign server: anything may fail
        say(f"No public address: {failure} The server is still there for this computer.")
        return
    opened(address)
    say(f"Running on public URL: {address}")
    while idle() < IDLE:
        time.sleep(_LOOK)
    for tunnel in tunneling.CURRENT_TUNNELS:
        tunnel.kill()
    say("Nobody used the public address for eight hours, so it is closed. Start again with --share for a new one.")


def refuse_changed_client(client: Path) -> None:
    """Gradio looks at its tunnel's program only when it fetches it: a changed one is removed, OSError says so."""
    known = tunneling.CHECKSUMS.get(tunneling.BINARY_URL)
    if not client.exists() or hashlib.sha256(client.read_bytes()).hexdigest() == known:
        return
    client.unlink()
    raise OSError(f"{client.name}, the tunnel's program, was not what Gradio published; it is removed.")
