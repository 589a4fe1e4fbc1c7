"""--share: a public address through Gradio's tunnel, which closes when nobody has used it for hours.

The tunnel's program runs under a keeper (keeper.py), so that it ends with this process, however that ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from gradio import networking, tunneling

from runtime.announce import say

#: seconds without a visitor after which the tunnel closes, and between two looks
IDLE = 8 * 3600.0
_LOOK = 60.0
_KEEPER = Path(__file__).with_name("keeper.py")
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
    # all that Gradio takes from there; it hands its program every variable and leaves it to itself
    tunneling.subprocess = SimpleNamespace(Popen=_Kept, PIPE=subprocess.PIPE)
    try:
        refuse_changed_client(Path(tunneling.BINARY_PATH))
        address = networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception as failure:  # noqa: BLE001 - a download, a program and a foreign server: anything may fail
        say(f"No public address: {failure} The server is still there for this computer.")
        return
    opened(address)
    say(f"Running on public URL: {address}")
    tunnel = tunneling.CURRENT_TUNNELS[-1]
    for pipe in (tunnel.proc.stdout, tunnel.proc.stderr):
        threading.Thread(target=_drain, args=(pipe,), daemon=True).start()
    while idle() < IDLE:
        with contextlib.suppress(subprocess.TimeoutExpired):
            tunnel.proc.wait(_LOOK)
            say("The public address is gone: the tunnel's program has ended. Start again with --share for a new one.")
            return
    tunnel.kill()
    say("Nobody used the public address for eight hours, so it is closed. Start again with --share for a new one.")


class _Kept(subprocess.Popen[bytes]):
    """The tunnel's program under its keeper, told to end by closing the keeper's standard input."""

    def __init__(self, command: list[str], **channels: Any) -> None:
        variables = {name: value for name, value in os.environ.items() if name.upper() in _PASSED_ON}
        kept = [sys.executable, "-I", "-S", str(_KEEPER), *command]
        super().__init__(kept, stdin=subprocess.PIPE, env=variables, **channels)

    def terminate(self) -> None:
        assert self.stdin is not None  # noqa: S101 - a pipe, see above
        self.stdin.close()


def _drain(pipe: IO[bytes]) -> None:
    """Nobody reads what the program says after its address; a full pipe would stop it."""
    while pipe.read(4096):
        pass


def refuse_changed_client(client: Path) -> None:
    """Gradio looks at its tunnel's program only when it fetches it: a changed one is removed, OSError says so."""
    known = tunneling.CHECKSUMS.get(tunneling.BINARY_URL)
    if not client.exists() or hashlib.sha256(client.read_bytes()).hexdigest() == known:
        return
    client.unlink()
    raise OSError(f"{client.name}, the tunnel's program, was not what Gradio published; it is removed.")
