"""`python -m runtime`: AUTOMATIC1111's flags -> settings -> server. Nothing heavy is imported on this path."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

from runtime import protocol
from runtime.announce import Announcer, claim_standard_output, say, say_in_red, set_up_logging
from runtime.flags import Settings, UsageError, help_text, read_flags
from runtime.port import PortTakenError, listen
from runtime.standard_error import outlast_the_log

if TYPE_CHECKING:
    import ssl

    from runtime.gate.gate import Gate

_UNPROTECTED = (
    "nobody is asked for a password (--i-accept-unprotected-remote), and others can reach this server: whoever finds "
    "it comes in."
)
WORKER = (sys.executable, "-m", "runtime.worker")


def main(arguments: Sequence[str] | None = None, worker: Sequence[str] = WORKER, judging: bool = True) -> int:
    """Serve until stopped. `worker` is the drawing process's command; `judging`: look into checkpoints' headers.

    Returns the exit code.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if {"-h", "--help"} & set(words):
        sys.stdout.write(help_text())
        return 0
    output = claim_standard_output()
    announce = Announcer(output if "--events" in words else None)
    try:
        settings = read_flags(words, os.environ)
        # passwords may stand in it: neither the worker nor the tunnel's program, which inherit the rest, gets them
        os.environ.pop("COMMANDLINE_ARGS", None)
        set_up_logging(settings.text("loglevel"))
        for warning in settings.warnings:
            say(f"Warning: {warning}")
        listener = listen(settings.host, settings.port, settings.first_port)
        return _serve(settings, listener, worker, announce, judging)
    except UsageError as error:
        return _fatal(announce, "usage", str(error), 2)
    except PortTakenError as error:
        return _fatal(announce, "port-taken", str(error), 1)
    except OSError as error:
        return _fatal(announce, "cannot-start", f"The server cannot start: {error}", 1)
    except KeyboardInterrupt:
        return 130


def _fatal(announce: Announcer, code: str, message: str, exit_code: int) -> int:
    announce(protocol.Fatal(code, message))
    return exit_code


def _serve(
    settings: Settings, listener: socket.socket, worker: Sequence[str], announce: Announcer, judging: bool
) -> int:
    announce(protocol.Phase("server"))
    _keep_localhost_off_proxies()
    settings.data_dir.mkdir(parents=True, exist_ok=True)

    from runtime.engine.judgement import judge_header
    from runtime.gate.accounts import make_accounts, open_to_others
    from runtime.studio import Studio

    accounts = make_accounts(settings)
    for warning in open_to_others(settings):
        say(f"Warning: {warning}")
    if accounts.made:
        announce(protocol.Credentials(accounts.made.user, accounts.made.password, accounts.made.token))
    if settings.exposed and not (accounts.page if settings.page else accounts.api):
        say_in_red(f"Warning: {_UNPROTECTED}")
    studio = Studio(settings, worker, announce, judge_header) if judging else Studio(settings, worker, announce)
    # the worker imports torch and loads the model while the rest of the server is imported
    studio.start()

    import uvicorn

    from runtime.gate.gate import Gate, served_folders, with_origins
    from runtime.server import Server
    from runtime.visitors import Visitors

    url = _url(settings, listener)

    def ready(page: bool) -> None:
        announce(protocol.Serving(url, page))
        if not page:
            say(f"Running on local URL:  {url}")
        if page and _wants_browser(settings, str(studio.options["auto_launch_browser"])):
            _open_browser(url)
        if page and settings.on("share"):
            _share(settings, listener, gate)

    class Leaving(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            studio.jobs.leave()
            super().handle_exit(sig, frame)

    server = Server(studio, bool(accounts.page), ready)
    gate = Gate(server, settings, accounts, served_folders(settings))
    app = Visitors(with_origins(gate), announce)
    Leaving(_uvicorn_config(app, settings)).run(sockets=[listener])
    return 0


def _uvicorn_config(server: object, settings: Settings):  # type: ignore[no-untyped-def]  # noqa: ANN202
    import uvicorn

    from runtime.gate.connections import HEAD_BYTES, as_many_as_there_are_files, counted

    connections = as_many_as_there_are_files()
    if connections.warning:
        say(f"Warning: {connections.warning}")
    return uvicorn.Config(
        server,  # type: ignore[arg-type]
        # its warnings tell of requests that are none, as often as any stranger cares to send one
        log_level="error",
        log_config=None,
        access_log=False,
        lifespan="on",
        http=counted(connections, _secured(settings)),
        backlog=connections.arriving,
        h11_max_incomplete_event_size=HEAD_BYTES,
        # neither page nor API uses web sockets
        ws="none",
        root_path=("/" + (settings.text("subpath") or "").strip("/")).rstrip("/"),
        # whoever forwards may write there what he likes: the gate reads what it needs by itself
        proxy_headers=False,
        timeout_keep_alive=settings.flags["timeout_keep_alive"],
        timeout_graceful_shutdown=3,
    )


def _secured(settings: Settings) -> ssl.SSLContext | None:
    """For --tls-certfile with --tls-keyfile; OSError where they cannot be read or do not belong together."""
    key, certificate = settings.text("tls_keyfile"), settings.text("tls_certfile")
    if not key or not certificate:
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _url(settings: Settings, listener: socket.socket) -> str:
    """The address to open on this computer."""
    scheme = "https" if settings.text("tls_keyfile") and settings.text("tls_certfile") else "http"
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "[::]") else settings.host  # noqa: S104
    shown = f"[{host}]" if ":" in host.strip("[]") and not host.startswith("[") else host
    return f"{scheme}://{shown}:{listener.getsockname()[1]}"


def _keep_localhost_off_proxies() -> None:
    """Gradio asks its own address; a proxy between would break that."""
    for name in ("NO_PROXY", "no_proxy"):
        present = [entry for entry in os.environ.get(name, "").split(",") if entry]
        os.environ[name] = ",".join(dict.fromkeys((*present, "localhost", "127.0.0.1", "::1", "0.0.0.0")))  # noqa: S104


def _share(settings: Settings, listener: socket.socket, gate: Gate) -> None:
    import threading

    from runtime.ui.share import share

    how = (listener.getsockname()[1], settings.data_dir, gate.open_link, gate.link_idle)
    threading.Thread(target=share, args=how, daemon=True).start()


def _wants_browser(settings: Settings, wish: str) -> bool:
    """--autolaunch, or the setting, where a person started the server at a terminal."""
    if os.environ.get("SD_WEBUI_RESTARTING"):
        return False
    wished = wish == "Remote" or (wish == "Local" and not settings.exposed)
    return settings.on("autolaunch") or (wished and not settings.on("events") and sys.stderr.isatty())


def _open_browser(url: str) -> None:
    """By a process with no channel of ours: a browser that stays would hold the log open after the server's end."""
    import subprocess

    words = (sys.executable, "-c", "import sys, webbrowser; webbrowser.open(sys.argv[1])", url)
    silent = subprocess.DEVNULL
    with contextlib.suppress(OSError):
        subprocess.Popen(words, stdin=silent, stdout=silent, stderr=silent, start_new_session=True)


if __name__ == "__main__":
    outlast_the_log()
    raise SystemExit(main())
