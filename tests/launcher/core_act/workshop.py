"""Tiny wheels, an index to serve them, and an engine environment whose Python is the fake engine."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.core.environments.environments import STAMP, Stamp, stamp, switch
from launcher.core.hardware.look import Machine
from launcher.core.memory.choose import MemoryChoice
from launcher.core.paths import Workspace
from launcher.core.plan.plan import Plan, PlanStep
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.text import t

FAKE_ENGINE = Path(__file__).resolve().parents[2] / "fakes" / "fake_engine.py"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
MACHINE = Machine("linux", "x86_64", f"{PYTHON}.0", 16000, 100_000, None)
#: prints what runtime.prove prints, for environments without torch
PROOF = ("-c", "import json, importlib.metadata as m; print(json.dumps({'ok': True, 'torch': m.version('torch')}))")


def wheel(folder: Path, name: str, version: str, *, needs: tuple[str, ...] = (), text: str = "") -> Path:
    """A wheel of one module; `text` makes it another file of the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n# {text}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in files.items()]
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in files.items():
            archive.writestr(inside, content)
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))
    return path


def _digest(content: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock_of(path: Path, *wheels: Path) -> Path:
    """A lock file that allows exactly these."""
    lines = []
    for each in wheels:
        name, version = each.name.split("-")[:2]
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{sha256(each)}\n")
    path.write_text("".join(lines))
    return path


@contextmanager
def index(folder: Path, *, delay: float = 0.0) -> Iterator[str]:
    """Serve `folder`, one subfolder a package, as an index on the loopback; yields its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            threading.Event().wait(delay)
            super().do_GET()

        def log_message(self, *words: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def index_pages(folder: Path) -> Iterator[str]:
    """As `index`, with pages that name the SHA-256 of each file, as real indexes do."""
    for project in folder.iterdir():
        links = [f'<a href="{each.name}#sha256={sha256(each)}">{each.name}</a>' for each in project.glob("*.whl")]
        (project / "index.html").write_text("<!DOCTYPE html><html><body>" + "".join(links) + "</body></html>")
    with index(folder) as url:
        yield url


def plan_with(torch: TorchChoice, *, state: str = "missing", needed: int | None = 1) -> Plan:
    """A plan whose steps are all to do, or all done."""
    names = ("environment", "torch", "packages", "verify", "switch")
    steps = tuple(PlanStep(name, t("Put it to use"), state) for name in names)  # type: ignore[arg-type]
    return Plan(
        torch,
        MemoryChoice("cpu", "sdp", (), t("There is no graphics card to use.")),
        PYTHON,
        steps,
        (),
        needed,
        100_000,
        (),
    )


def from_wheel(path: Path) -> TorchChoice:
    version = path.name.split("-")[1]
    reason = t("The processor was asked for.")
    return TorchChoice(
        version, "cpu", str(path.parent), reason, build=version, wheel=str(path), bytes=path.stat().st_size
    )


def from_index(url: str, version: str = "2.13.0") -> TorchChoice:
    """Of a published version (2.13.0) the published files alone are taken."""
    return TorchChoice(version, "cpu", url, t("The processor was asked for."), build=version, index=url)


def answering_with(python: Path, script: Path) -> None:
    """A Python that runs `script`, whatever it is asked for, but keeps a log as any other."""
    keeper = f'case "$3" in *log_keeper.py) exec "{sys.executable}" "$@" ;; esac'
    python.write_text(f'#!/bin/sh\n{keeper}\nexec "{sys.executable}" "{script}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)


def with_fake_engine(workspace: Workspace, name: str = "torch-2.13.0-cpu-1") -> Path:
    """A finished, current environment whose Python answers as the engine, and does anything else as Python."""
    folder = workspace.environments / name
    (folder / "bin").mkdir(parents=True)
    answering_with(folder / "bin" / "python", FAKE_ENGINE)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    stamp(folder, Stamp("2.13.0", "cpu", "here", ("0" * 64,), "1" * 64, PYTHON, "2026-11-20T00:00:00+00:00"))
    switch(workspace, folder)
    return folder


def stamp_text(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / STAMP).read_text())
    return found
