"""Kills of what is done by other programs: uv's install, git's update, the engine's conversion of a pickle.

A small library (observer.c) counts the durable steps of a launcher and of all that it starts, and at the N-th ends all
of them, or refuses this step and those after it as a full disk does. Needs a C compiler and Linux.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from launcher.core.environments.environments import current, everything, left_over
from launcher.core.paths import Workspace, checkout
from launcher.core.process import python_in
from tests.launcher.core_act.workshop import lock_of, wheel
from tests.launcher.update.conftest import Upstream, git, tree
from tests.release.kill_points import Figures, Files, files_in

KILL, FULL = 1, 2
#: of prctl(2): orphans become ours, so that none outlives its launcher
_SUBREAPER = 36
BEGIN = """
import json, os, sys
from pathlib import Path
from launcher.core.errors import LauncherError
from launcher.core.events import Notice
from launcher.core.paths import Workspace
folder = Path(sys.argv[1])
def told(work):
    said = []
    try:
        for event in work:
            if isinstance(event, Notice):
                said.append(event.slug)
    except LauncherError as error:
        print(json.dumps({"code": error.code, "message": str(error.message)}))
        raise SystemExit(3)
    print(json.dumps({"said": said}))
"""
INSTALL = (
    BEGIN
    + """
from launcher.core.install.install import install
from tests.launcher.core_act.workshop import PROOF, from_wheel, plan_with
plan = plan_with(from_wheel(folder / "links" / (sys.argv[2] + "-py3-none-any.whl")))
told(install(plan, Workspace(folder / "w"), environ=os.environ, lock=folder / "lock.txt", proof=PROOF))
"""
)
UPDATE = (
    BEGIN
    + """
import fcntl
from launcher.core.update.find import Place
from launcher.core.update.unfinished import end_unfinished
from launcher.core.update.update import carry_out, find_update
from tests.launcher.update.conftest import environ
ours = {name: value for name, value in os.environ.items() if name.startswith("GESSO_STEPS")}
place = Place(Workspace(folder / "w"), folder / "gesso", environ() | ours)
def work():
    if end_unfinished(place.root, lambda handle: fcntl.flock(handle, fcntl.LOCK_EX)):
        yield Notice("ended", "info", "")
    yield from carry_out(place, (yield from find_update(place)))
told(work())
"""
)
CONVERT = (
    BEGIN
    + """
from launcher.core.models.convert import convert
told(convert(Workspace(folder / "w"), folder / "w/models/Stable-diffusion/old.ckpt", environ=os.environ))
"""
)


@dataclass(frozen=True)
class Program:
    """`code` is a launcher that does it; `judge` looks at what is there once it is through."""

    name: str
    code: str
    prepare: Callable[[Path], object]
    judge: Callable[[Path], object]
    #: what nobody may touch, by patterns of paths
    theirs: tuple[str, ...]
    words: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    says: str = ""
    #: what may stay
    own: str = ""
    points: int = 10_000


class Counter:
    """The file that all processes share: count, at, mode, dead, root."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_bytes(bytes(40))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 40)

    def set(self, mode: int, at: int) -> None:
        self._map[:] = struct.pack("5q", 0, at, mode, 0, 0)

    @property
    def count(self) -> int:
        return int(struct.unpack_from("q", self._map)[0])

    @property
    def dead(self) -> bool:
        return bool(struct.unpack_from("q", self._map, 24)[0])


class Runs:
    """All points of one program, in folders below `place`."""

    def __init__(self, program: Program, place: Path, library: Path) -> None:
        self.program, self.library = program, library
        self.folder, self.kept = place / program.name / "我的 画图 (新)", place / program.name / "prepared"
        self.folder.mkdir(parents=True)
        self.counter = Counter(place / f"{program.name}.steps")
        self.figures = Figures(program.name)
        program.prepare(self.folder)
        shutil.copytree(self.folder, self.kept, symlinks=True)
        self.old = files_in(self.folder)
        code, told = self._start(0, 0)
        assert code == 0, told
        self.figures.steps = self.counter.count
        self.new = set(files_in(self.folder))
        program.judge(self.folder)

    def run(self, mode: int, share: float, part: tuple[int, int]) -> None:
        """Spread evenly over all steps; of these every n-th (`part`: which, of how many)."""
        began = time.monotonic()
        count = max(
            1, min(round(self.figures.steps * share), self.program.points if mode == KILL else self.program.points // 4)
        )
        for number in range(part[0], count, part[1]):
            at = 1 + self.figures.steps * number // count
            try:
                self._one(mode, at)
            except (AssertionError, subprocess.SubprocessError) as fault:
                self.figures.faults.append(
                    f"{'kill' if mode == KILL else 'full'} at {at} of {self.figures.steps}: {fault}"
                )
        self.figures.seconds = round(self.figures.seconds + time.monotonic() - began, 1)

    def _one(self, mode: int, at: int) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder, symlinks=True)
        code, told = self._start(mode, at)
        if mode == KILL:
            # Of threads and processes side by side there may be fewer steps than the first time.
            self.figures.kills += self.counter.dead
        else:
            self.figures.full += 1
            assert code in (0, 3), told
            if code == 3:
                name = json.loads(told)["code"]
                self.figures.codes[name] = self.figures.codes.get(name, 0) + 1
        self._untouched()
        code, told = self._start(0, 0)
        assert code == 0 or (code == 3 and json.loads(told)["code"] in self.program.over), told
        if self.program.says and re.search(self.program.says, told):
            self.figures.said += 1
        self._untouched()
        self.program.judge(self.folder)
        strays = [
            each for each in files_in(self.folder) if each not in self.new and not re.search(self.program.own, each)
        ]
        assert not strays, f"left lying about: {', '.join(strays[:5])}"

    def _untouched(self) -> None:
        now: Files = files_in(self.folder)
        for name, content in self.old.items():
            if name.startswith(self.program.theirs):
                assert now.get(name) == content, f"{name} was touched"

    def _start(self, mode: int, at: int) -> tuple[int, str]:
        """Exit code and the last line; whatever it has started has ended too."""
        self.counter.set(mode, at)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "GIT_"))}
        variables = kept | {
            "PYTHONPATH": str(checkout()), "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "UV_OFFLINE": "1",
            "PIP_FIND_LINKS": (self.folder / "links").as_uri(), "UV_CACHE_DIR": str(self.folder / "uv-cache"),
            "LD_PRELOAD": str(self.library), "GESSO_STEPS": str(self.counter.file),
            "GESSO_STEPS_UNDER": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        command = [sys.executable, "-c", self.program.code, str(self.folder), *self.program.words]
        child = subprocess.Popen(command, env=variables, cwd=checkout(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")  # fmt: skip
        before = {each.pid for each in psutil.Process().children()} - {child.pid}
        if mode == KILL:
            # A pipe that an orphan still holds would keep us here.
            child.wait(timeout=900)
            _end_orphans(before)
        out, err = child.communicate(timeout=900)
        _end_orphans(before)
        lines = out.strip().splitlines() or err.strip().splitlines()[-12:]
        return child.returncode, lines[-1] if child.returncode in (0, 3) and lines else f"{child.returncode}: {lines}"


def _end_orphans(before: set[int]) -> None:
    """What a killed launcher has left has become ours."""
    for each in psutil.Process().children(recursive=True):
        if each.pid not in before and each.is_running():
            try:
                each.send_signal(signal.SIGKILL)
                each.wait(timeout=60)
            except psutil.Error:
                continue


def an_install(folder: Path) -> None:
    """One environment that works, and the wheels for another."""
    for version in ("2.12.0", "2.13.0"):
        wheel(folder / "links", "torch", version)
    lock_of(folder / "lock.txt", wheel(folder / "links", "tiny", "1.0"), wheel(folder / "links", "other", "3.1"))
    (folder / "w/outputs").mkdir(parents=True)
    (folder / "w/outputs/mine.png").write_bytes(b"mine")
    (folder / "w/config.toml").write_text('language = "en"  # mine\n')
    variables = {**os.environ, "PYTHONPATH": str(checkout()), "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1",
                 "PIP_FIND_LINKS": (folder / "links").as_uri(), "UV_CACHE_DIR": str(folder / "uv-cache")}  # fmt: skip
    subprocess.run([sys.executable, "-c", INSTALL, str(folder), "torch-2.12.0"], env=variables, cwd=checkout(),
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip


def the_new_one_works(folder: Path) -> None:
    workspace = Workspace(folder / "w")
    now = current(workspace)
    assert now is not None
    assert [each.name for each in everything(workspace)] == ["torch-2.12.0-cpu-1", "torch-2.13.0-cpu-1"]
    assert not any(left_over(each) for each in workspace.environments.iterdir() if each.is_dir())
    imported = "import torch, tiny, other; print(torch.__version__)"
    done = subprocess.run([python_in(now), "-B", "-c", imported], capture_output=True, text=True)
    assert done.stdout.strip() == "2.13.0", done.stderr


def a_clone(folder: Path) -> None:
    """Of version 0.1.0; 0.2.0 lies upstream."""
    upstream = Upstream(folder / "upstream")
    upstream.folder.mkdir()
    git(upstream.folder, "init", "--quiet", "--template=", "-b", "main")
    upstream.release("v0.1.0")
    upstream.release("v0.2.0", {**tree("0.2.0"), "launcher/new file.py": "new"})
    git(upstream.folder, "gc", "--quiet")
    git(upstream.folder, "clone", "--quiet", "--template=", upstream.url, str(folder / "gesso"))
    git(folder / "gesso", "reset", "--quiet", "--hard", "v0.1.0")
    for name in ("gesso/我的", "w/outputs"):
        (folder / name).mkdir(parents=True)
        (folder / name / "mine.txt").write_text("mine")


def the_clone_is_new(folder: Path) -> None:
    assert git(folder / "gesso", "rev-parse", "HEAD") == git(folder / "gesso", "rev-parse", "v0.2.0^{commit}")
    assert git(folder / "gesso", "status", "--porcelain", "--untracked-files=all").count("\n") == 0
    assert git(folder / "gesso", "diff", "HEAD") == ""
    git(folder / "gesso", "fsck", "--no-dangling")


def a_pickle(folder: Path) -> None:
    """A small one, and an engine environment that is this computer's own."""
    models = folder / "w/models/Stable-diffusion"
    models.mkdir(parents=True)
    weights = "{'state_dict': {f'a.{n}.weight': torch.ones(8, 8) * n for n in range(4)}}"
    save = f"import sys, torch; torch.save({weights}, sys.argv[1])"
    engine = os.environ["ENGINE_PYTHON"]
    subprocess.run([engine, "-c", save, str(models / "old.ckpt")], check=True)
    environment = folder / "w/environments/torch-2.13.0-cpu-1"
    environment.mkdir(parents=True)
    stamp = {"torch": "2.13.0", "tag": "cpu", "source": "here", "sha256": ["0" * 64], "lock_sha256": "1" * 64,
             "python": "3.11", "verified_at": "2026-11-20T00:00:00+00:00", "interpreter": engine}  # fmt: skip
    (environment / "gesso.json").write_text(json.dumps(stamp))
    (folder / "w/environments/current.json").write_text(json.dumps({"name": environment.name}))


def it_is_converted(folder: Path) -> None:
    from launcher.core.models.outline import read_outline

    models = folder / "w/models/Stable-diffusion"
    assert len(read_outline(models / "old.safetensors").tensors) == 4
    assert sorted(each.name for each in models.iterdir()) == ["old.ckpt", "old.safetensors"]


PROGRAMS = (
    Program("install", INSTALL, an_install, the_new_one_works,
            ("w/environments/torch-2.12.0", "w/outputs", "w/config.toml", "links", "lock.txt"), ("torch-2.13.0",),
            says="swept", own=r"^uv-cache/|^w/(cache|state|logs)/|__pycache__", points=24),
    Program("update-git", UPDATE, a_clone, the_clone_is_new, ("gesso/我的", "w/outputs", "upstream"), says="ended",
            own=r"/\.git/|^w/|\.launcher-tools/", points=42),
    Program("convert", CONVERT, a_pickle, it_is_converted, ("w/models/Stable-diffusion/old.ckpt",),
            over=("already-there",), own=r"^w/(cache|state|logs)/", points=9),
)  # fmt: skip


def run_programs(
    programs: Sequence[Program], place: Path, shares: dict[str, float], part: tuple[int, int] = (0, 1)
) -> Iterator[Figures]:
    """One after the other; AssertionError where nothing can be observed."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "programs are observed on Linux with a C compiler alone"
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    library = place / "observer.so"
    source = Path(__file__).with_name("observer.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    for program in programs:
        runs = Runs(program, place, library)
        runs.run(KILL, shares.get("dear-kill", 0), part)
        runs.run(FULL, shares.get("dear-full", 0), part)
        yield runs.figures
