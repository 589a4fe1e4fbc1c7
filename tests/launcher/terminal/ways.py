"""Every way on which text from elsewhere reaches a terminal that shows lines, each with a real terminal at its end.

A way takes texts and returns what was written to the terminal, as the system's pty gives it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: a line that is drawn over and over begins so: our own
_REDRAWN = "\r\x1b[K"
_PRINTER = """
import json, sys
from launcher.core.errors import LauncherError
from launcher.core.events import *
from launcher.core.text import t
from launcher.printing import Printer
from launcher.__main__ import _print_anything
_print_anything()
texts = json.load(open(sys.argv[1]))
for said in (Printer(str, json_lines=False, quiet=False, redraws=True), Printer(str, json_lines=True, quiet=False)):
    for text in texts:
        said.result(text)
        said.aside(t("The file {name} was found.", name=text))
        said.error(LauncherError("a-code", t("{text}", text=text), t("Try {other}.", other=text)))
        for event in (Line("git", text), Lines("runtime", (text, text)), Notice("a-slug", "warning", t("{x}", x=text)),
                      Step("x", t("{x}", x=text), "started", 1, 2), Progress(text, 5, 10, rate=1.0, seconds_left=3.0),
                      Step("x", t("{x}", x=text), "done", 1, 2), ModelLoaded(text, 1.0)):
            said.event(event)
"""
_BUG = """
import json, sys
from launcher.__main__ import _print_anything, _report
_print_anything()
for text in json.load(open(sys.argv[1])):
    for words in (["--" + text], ["up", "--json", text]):
        try:
            raise ValueError(text)
        except ValueError as bug:
            _report(bug, words)
"""
_TOOL = """
import json, sys
from launcher.__main__ import _print_anything
from launcher import bootstrap
_print_anything()
bootstrap.run([sys.executable, "-c", "import json, sys; sys.stderr.reconfigure(errors='surrogatepass'); "
    "[sys.stderr.write(text + chr(10)) for text in json.load(open(sys.argv[1]))]", sys.argv[1]])
for text in json.load(open(sys.argv[1])):
    bootstrap.say("not-writable", text)
"""
_RUNTIME = """
import json, logging, sys
from runtime.announce import Announcer, say, set_up_logging
from runtime.protocol import *
sys.stderr.reconfigure(errors="replace")
set_up_logging("INFO")
announce = Announcer(None)
for text in json.load(open(sys.argv[1])):
    say(text)
    logging.getLogger("engine").warning("The file %s cannot be read", text)
    announce(Model(text, 1.0))
    announce(Fatal("a-code", text))
    try:
        raise OSError(text)
    except OSError:
        logging.getLogger("engine").exception("It failed")
"""


def at_a_terminal(command: Sequence[str], **variables: str) -> str:
    """What the command writes to its terminal until it ends."""
    master, slave = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**kept, "TERM": "xterm-256color", "GESSO_LANG": "en", "PYTHONPATH": str(ROOT), **variables}
    found: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):
            while piece := os.read(master, 1 << 16):
                found.append(piece)

    child = subprocess.Popen(list(command), stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment)
    os.close(slave)
    reader = threading.Thread(target=read)
    reader.start()
    child.wait(600)
    reader.join(60)
    os.close(master)
    # the system's terminal writes a line feed as CR LF
    written = b"".join(found).decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    assert "Traceback (most recent call last)" not in written or child.returncode == 0, written[-3000:]
    assert child.returncode in (0, 1), (child.returncode, written[-3000:])
    return written.replace(_REDRAWN, "")


def _script(code: str) -> Callable[[Sequence[str], Path], str]:
    def way(texts: Sequence[str], folder: Path) -> str:
        file = folder / "texts.json"
        file.write_text(json.dumps(list(texts)))
        return at_a_terminal([sys.executable, "-c", code, str(file)])

    return way


def _gesso(folder: Path, *words: str) -> str:
    root = str(folder / "workspace")
    return at_a_terminal([sys.executable, "-m", "launcher", "--root", root, *words], GESSO_ROOT=root)


def _log(texts: Sequence[str], folder: Path) -> str:
    """A log of all of them, around failures that are recognised, read as a file and as JSON."""
    lines = [
        f"{text}\nRuntimeError: CUDA out of memory {text}\nModuleNotFoundError: No module named '{text}'"
        for text in texts
    ]
    log = folder / "runtime.log"
    log.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape" if _escaped(lines) else "surrogatepass"))
    told = _gesso(folder, "diagnose", str(log)) + _gesso(folder, "diagnose", "--json", str(log))
    # of a long log the root alone is told, so some of them by themselves too
    for text in texts[:: len(texts) // 3]:
        one = folder / "one.log"
        one.write_bytes(f"OSError: [Errno 28] No space left on device: '{text}'\n".encode("utf-8", "replace"))
        told += _gesso(folder, "diagnose", str(one))
    return told


def _escaped(lines: Sequence[str]) -> bool:
    try:
        "\n".join(lines).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _models(texts: Sequence[str], folder: Path) -> str:
    """Files of these names and with these titles, as far as a file may have them."""
    place = folder / "workspace" / "models" / "Stable-diffusion"
    place.mkdir(parents=True)
    for number, text in enumerate(texts):
        name = os.fsencode(text.replace("/", "_").replace("\0", "")[:60]) if _is_name(text) else f"{number}".encode()
        header = {"__metadata__": {"modelspec.title": text.encode("utf-8", "replace").decode()},
                  "x": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}  # fmt: skip
        body = json.dumps(header).encode()
        with contextlib.suppress(OSError):
            path = os.path.join(os.fsencode(place), name[:200] + f"-{number}.safetensors".encode())  # noqa: PTH118
            with open(path, "wb") as file:  # noqa: PTH123 - a name of bytes
                file.write(struct.pack("<Q", len(body)) + body)
    return _gesso(folder, "models", "list") + _gesso(folder, "models", "list", "--json")


def _is_name(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


WAYS: dict[str, Callable[[Sequence[str], Path], str]] = {
    "sentences, errors, events, progress": _script(_PRINTER),
    "a bug's report": _script(_BUG),
    "tools that the installer runs": _script(_TOOL),
    "the runtime by hand": _script(_RUNTIME),
    "diagnose": _log,
    "names and titles of models": _models,
}
