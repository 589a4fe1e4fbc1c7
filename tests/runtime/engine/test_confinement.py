"""The system's fences around the process that reads pickles: what is refused behind each, and what is not without."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime.engine.pickles import confinement
from runtime.engine.pickles.confinement import job_object, landlock, seatbelt, seccomp
from runtime.engine.pickles.reader import CHILD, Reader
from tests.runtime.engine.test_reading_process import CHECKOUT, PLAIN, good

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="these fences are Linux'")

#: each is an attempt at something that reading a file never needs; what it gives is told, or why it was refused
ATTEMPTS = """
import ctypes, errno, json, mmap, os, signal, socket, subprocess, sys, _posixsubprocess
source, target, parent = sys.argv[2], sys.argv[3], os.getppid()
libc = ctypes.CDLL(None, use_errno=True)
def execute():
    if os.posix_spawn("/bin/true", ["true"], {}) < 0: raise OSError
def code():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
attempts = {
    "read": lambda: open(source).read(), "list": lambda: os.listdir("/"), "write": lambda: open(target, "w"),
    "remove": lambda: os.remove(source), "make": lambda: os.mkdir(target + "d"),
    "link": lambda: os.symlink(source, target + "l"),
    "rename": lambda: os.rename(source, source + "2"), "mode": lambda: os.chmod(source, 0o777),
    "connect": lambda: socket.socket().connect(("127.0.0.1", 9)), "socket": lambda: socket.socket(),
    "fork": lambda: os.fork() or os._exit(0), "execute": execute, "kill": lambda: os.kill(parent, 0), "code": code,
    "memory of others": lambda: open(f"/proc/{parent}/mem", "rb").read(1), "chdir": lambda: os.chdir("/"),
}
def attempt():
    told = {}
    for name, act in attempts.items():
        try:
            act()
            told[name] = "done"
        except ConnectionRefusedError:
            told[name] = "done"
        except Exception as refused:
            told[name] = type(refused).__name__
    return told
"""


def attempts(tmp_path: Path, fences: str) -> dict[str, str]:
    """What becomes of them behind these fences."""
    source = tmp_path / "source"
    source.write_text("secret")
    code = f"{PLAIN}{ATTEMPTS}{fences}\nprint(json.dumps(attempt()), flush=True)\nos._exit(0)"
    words = [*CHILD[:4], code, str(CHECKOUT), str(source), str(tmp_path / "target")]
    run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    assert run.returncode == 0, run.stderr[-2000:]
    assert "secret" not in run.stdout
    return json.loads(run.stdout)


_ROOM = "from runtime.engine.pickles.confinement import "


@on_linux
def test_without_fences_all_of_it_can_be_done(tmp_path: Path) -> None:
    """Else the tests below would show nothing."""
    told = attempts(tmp_path, "")
    done = {name for name, result in told.items() if result == "done"}
    assert done >= {"read", "list", "write", "remove", "make", "connect", "socket", "fork", "execute", "kill", "code"}


@on_linux
def test_behind_all_fences_nothing_can_be_done(tmp_path: Path) -> None:
    told = attempts(tmp_path, "told = child.confine()\nassert told['refused'] == [], told")
    assert set(told.values()) <= {"PermissionError", "OSError"}, told
    assert (tmp_path / "source").read_text() == "secret"
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@on_linux
@pytest.mark.parametrize(
    ("fence", "refused"),
    [
        (
            "seccomp",
            {"read", "list", "write", "remove", "make", "connect", "socket", "fork", "execute", "kill", "code"},
        ),
        ("landlock", {"read", "list", "write", "remove", "make", "link", "rename", "execute"}),
    ],
)
def test_each_fence_stands_alone(tmp_path: Path, fence: str, refused: set[str]) -> None:
    if not _stands(fence):
        pytest.skip(f"this kernel has no {fence}")
    told = attempts(tmp_path, f"{_ROOM}{fence}\n{fence}.restrict()")
    assert {name for name in refused if told[name] == "done"} == set()


def _stands(fence: str) -> bool:
    with_fence = f"{PLAIN}{_ROOM}{fence}\n{fence}.restrict()"
    return subprocess.run([*CHILD[:4], with_fence, str(CHECKOUT)], capture_output=True, check=False).returncode == 0


#: refuses Landlock's and seccomp's own calls to whatever is started next, as a container may
CONTAINER = """
import ctypes, errno, os, struct, sys
x86 = os.uname().machine == "x86_64"
prctl, seccomp = (157, 317) if x86 else (167, 277)
steps = [(0x20, 0, 0, 0), (0x15, 4, 0, 444), (0x15, 3, 0, seccomp), (0x15, 0, 3, prctl), (0x20, 0, 0, 16),
         (0x15, 0, 1, 22), (6, 0, 0, 0x50000 | errno.EPERM), (6, 0, 0, 0x7FFF0000)]
class Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("steps", ctypes.c_char_p))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
told = Program(len(steps), b"".join(struct.pack("=HBBI", *step) for step in steps))
assert libc.prctl(22, 2, ctypes.byref(told), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@on_linux
def test_where_the_system_refuses_the_file_is_read_all_the_same(tmp_path: Path) -> None:
    with Reader([sys.executable, "-c", CONTAINER, *CHILD]) as reader:
        child = []
        reader_said = _hello(reader, good(tmp_path / "a.pt"), child)
    assert reader_said["fences"] == ["limits"]
    assert len(reader_said["refused"]) == 2
    assert "nodes" in child[0]


def _hello(reader: Reader, path: Path, told: list[Any]) -> Any:
    from runtime.engine.pickles import reader as module

    heard = []
    plain = module._missing
    module._missing = lambda said: heard.append(said) or plain(said)
    try:
        told.append(reader.read(path)[1])
    finally:
        module._missing = plain
    return heard[0]


def test_what_cannot_be_raised_is_said_and_the_others_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = []

    def refuse() -> None:
        raise OSError(1, "not here")

    fences = [("one", lambda: raised.append(1)), ("two", refuse), ("three", lambda: raised.append(3))]
    monkeypatch.setattr(confinement, "_fences", lambda: fences)
    assert confinement.confine() == {"fences": ["one", "three"], "refused": ["two: [Errno 1] not here"]}
    assert raised == [1, 3]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_allows_what_is_listed_and_nothing_else(machine: str) -> None:
    """Run by an interpreter of BPF's few operations."""
    architecture, mapping, calls = seccomp._MACHINES[machine]
    program = seccomp.program(machine)
    allowed = {number for number in range(600) if _run(program, number, architecture) == seccomp._ALLOW}
    assert allowed == {*mapping, *calls.values()}
    assert all(_run(program, number, architecture, 4) == seccomp._REFUSE for number in mapping)
    assert _run(program, calls["read"], architecture, 4) == seccomp._ALLOW
    assert _run(program, calls["read"] | 0x40000000, architecture) == seccomp._REFUSE
    assert _run(program, calls["read"], 0x40000003) == seccomp._KILL


def _run(program: list[tuple[int, int, int, int]], number: int, architecture: int, third: int = 3) -> int:
    words = {0: number, 4: architecture, 32: third}
    place = value = 0
    while True:
        operation, yes, no, operand = program[place]
        place += 1
        if operation == 0x06:
            return operand
        if operation == 0x20:
            value = words[operand]
        else:
            place += yes if (value == operand if operation == 0x15 else value & operand) else no


def test_a_machine_without_a_list_has_no_filter() -> None:
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program("riscv64")


@pytest.mark.parametrize(("version", "size"), [(1, 8), (3, 8), (4, 16), (5, 16), (6, 24), (9, 24)])
def test_landlock_is_asked_for_all_that_it_knows(version: int, size: int) -> None:
    assert len(landlock.ruleset(version)) == size
    assert landlock.ruleset(1) == (2**13 - 1).to_bytes(8, sys.byteorder)


class Asked:
    """A system library that answers `result` and keeps what it was asked."""

    def __init__(self, **results: int) -> None:
        self.asked: list[tuple[str, tuple]] = []
        for name, result in results.items():
            setattr(self, name, self._function(name, result))

    def _function(self, name: str, result: int) -> Any:
        def function(*arguments: Any) -> int:
            self.asked.append((name, arguments))
            return result

        return function


def test_macos_is_asked_for_pure_computation() -> None:
    system = Asked(sandbox_init=0)
    seatbelt.restrict(system)
    (name, (profile, flags, _why)) = system.asked[0]
    assert (name, profile, flags.value) == ("sandbox_init", b"pure-computation", 1)
    with pytest.raises(OSError, match="refused"):
        seatbelt.restrict(Asked(sandbox_init=-1))


@pytest.mark.skipif(sys.maxsize < 2**32, reason="sizes of 64-bit Windows")
def test_windows_is_asked_for_a_job_with_limits() -> None:
    assert ctypes.sizeof(job_object.Limits) == 144
    steps = {"CreateJobObjectW": 7, "SetInformationJobObject": 1, "GetCurrentProcess": 9, "AssignProcessToJobObject": 1}
    kernel = Asked(**steps)
    job_object.restrict(kernel)
    assert [name for name, _ in kernel.asked] == list(steps)
    assert kernel.asked[1][1][1] == 9
    assert kernel.asked[1][1][3] == 144
    for name in ("CreateJobObjectW", "SetInformationJobObject", "AssignProcessToJobObject"):
        with pytest.raises(OSError, match="failed"):
            job_object.restrict(Asked(**steps | {name: 0}))


@on_linux
def test_limits_hold_where_lower_ones_stand_already() -> None:
    code = (
        f"{PLAIN}import resource\nresource.setrlimit(resource.RLIMIT_CPU, (7, 9))\n{_ROOM}limits\nlimits.limit()\n"
        "print(resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_FSIZE))"
    )
    run = subprocess.run([*CHILD[:4], code, str(CHECKOUT)], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[0] == "(9, 9) (0, 0)"
    assert os.name == "posix"
