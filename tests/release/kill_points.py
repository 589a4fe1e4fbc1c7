"""Runs one piece of work in a child that dies, is refused or is held at its N-th durable step; N from 1 to the last.

After each the same work begins again with no manual step. Judged by every byte of the folder that it works in: what
it has no business with is as it was, what it changes is old or new as a whole, and nothing is left lying about.
"""

from __future__ import annotations

import contextlib
import fnmatch
import gc
import json
import os
import random
import re
import shutil
import signal
import stat
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.release.durable_steps import GROWING, Step, Watch, install, watch

#: a file's mode and content; of a link where it leads
Content = tuple[int, bytes]
Files = dict[str, Content]
#: seconds by which what a dead process left is made older, so that it is nobody's any more
_OLDER = 2 * 3600
_TIME = re.compile(r"\d{4}-?\d{2}-?\d{2}-\d{6}(-\d+)*")
#: of a child that ends with a named refusal, and with a fault of the program
_REFUSED, _FAULT = 3, 4
#: said by a start that had nothing left to do
_OVER = "nothing left to do"


def _well(_folder: Path) -> None:
    """Nothing more to ask."""


@dataclass(frozen=True)
class Work:
    """`act` in a folder that `prepare` has laid out; it is what a user would start again."""

    name: str
    prepare: Callable[[Path], object]
    act: Callable[[Path], object]
    #: every reader of the product does with what lies there, at any moment; AssertionError
    check: Callable[[Path], object] = _well
    #: files that hold a time or a number of a process, by patterns; `check` looks at them
    varies: tuple[str, ...] = ()
    #: files of ours that may stay or not: locks, halves of downloads
    own: tuple[str, ...] = ()
    #: codes of refusals that a second start may end with, because there is nothing left to do
    over: tuple[str, ...] = ()
    #: and once the next start is through
    after: Callable[[Path], object] = _well
    #: the code of a disk that is full, as a pattern
    full: str = "disk-full"
    #: instead of comparing each path: what was there lies somewhere, and `check` looks at the rest
    moves: bool = False
    #: too long for a short form: a share of its points is taken there
    dear: bool = False
    #: what a second start says where the first was cut off, by a pattern
    says: str = ""
    #: renames of what needs not be durable: files that can be had again
    loose: tuple[str, ...] = ()


@dataclass
class Figures:
    """`faults` in sentences; none is right."""

    name: str
    steps: int = 0
    kills: int = 0
    torn: int = 0
    full: int = 0
    locked: int = 0
    held: int = 0
    #: of those that were refused: how many ended with which code
    codes: dict[str, int] = field(default_factory=dict)
    said: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ended:
    """How a child ended: "done", "killed", "refused" or "fault"; `told`: its code, sentence or traceback."""

    how: str
    told: dict[str, Any]
    steps: tuple[Step, ...] = ()


class Points:
    """All points of one work, in folders below `place`."""

    def __init__(self, work: Work, place: Path) -> None:
        self.work, self.place = work, place / work.name
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        self.figures = Figures(work.name)
        # The same path each time: it stands in some files.
        self.folder, self.kept = self.place / "我的 画图 (新)", self.place / "prepared"
        _in_child(lambda: work.prepare(self.folder), None, self.place / "told.json", must="done")
        shutil.copytree(self.folder, self.kept, symlinks=True)
        self.old = files_in(self.folder)
        whole = self._child(lambda: work.act(self.folder), Watch(), must="done")
        self.steps, self.new = whole.steps, files_in(self.folder)
        self.figures.steps = len(self.steps)
        self._child(lambda: work.check(self.folder), None, must="done")
        self.figures.faults += [f"not durable: {each}" for each in undurable(self.steps, work)]

    def run(self, how: str, share: float, chance: random.Random, part: tuple[int, int]) -> None:
        """A `share` of all points of this kind; of these every n-th (`part`: which, of how many)."""
        began = time.monotonic()
        for number, at in enumerate(each for each in self._numbers(how) if chance.random() < share):
            if number % part[1] == part[0]:
                self._one(how, at)
        self.figures.seconds = round(self.figures.seconds + time.monotonic() - began, 1)

    def _numbers(self, how: str) -> Iterator[int]:
        for number, step in enumerate(self.steps, 1):
            grows = step.kind in GROWING - {"open"} or step.made
            if {"torn": step.kind == "write" and step.size > 1, "full": grows}.get(how, True):
                yield number
        if how == "kill":
            # After the last step, before its end.
            yield len(self.steps) + 1

    def _one(self, how: str, at: int) -> None:
        self._lay_out()
        try:
            if how == "hold":
                self._held(at)
            else:
                self._ended(how, at)
        except AssertionError as fault:
            step = self.steps[at - 1] if at <= len(self.steps) else None
            self.figures.faults.append(f"{how} at {at} of {len(self.steps)} ({_said(step)}): {fault}")

    def _ended(self, how: str, at: int) -> None:
        work = self.work
        ended = self._child(lambda: work.act(self.folder), Watch(how, at))
        if ended.how == "fault":
            raise AssertionError(ended.told["trace"])
        counts = {"kill": "kills", "torn": "torn", "full": "full", "locked": "locked"}[how]
        if ended.how == "killed" or how in ("full", "locked"):
            setattr(self.figures, counts, getattr(self.figures, counts) + 1)
        if ended.how == "refused":
            code = str(ended.told["code"])
            self.figures.codes[code] = self.figures.codes.get(code, 0) + 1
            assert ended.told["message"], f"{code} says nothing"
            assert how != "full" or re.fullmatch(self.work.full, code), f"a full disk is called {code}"
        now = files_in(self.folder)
        self._compare(now, ended.how)
        if how == "full":
            self._no_strays(now, "of a full disk that was said")
        if how != "locked":
            self._child(lambda: work.check(self.folder), None, must="done")
        self._age(now)
        self._again(ended.how == "killed" and how in ("kill", "torn"))

    def _again(self, was_cut: bool) -> None:
        """The next start."""
        ended = self._child(self._begin_again, None)
        assert ended.how == "done", f"the next start: {ended.told.get('trace') or ended.told}"
        if was_cut and self.work.says and re.search(self.work.says, str(ended.told.get("said"))):
            self.figures.said += 1
        now = files_in(self.folder)
        if ended.told["said"] != [_OVER]:
            # One that had nothing left to write swept nothing either.
            self._no_strays(now, "after the next start")
        if not self.work.moves:
            for name in {*self.new, *now}:
                if not self._is(name, self.work.varies + self.work.own):
                    assert now.get(name) == self.new.get(name), f"{name} is not as it should be after the next start"

    def _begin_again(self) -> object:
        try:
            said = self.work.act(self.folder)
        except Exception as error:
            if getattr(error, "code", None) not in self.work.over:
                raise
            said = [_OVER]
        self.work.check(self.folder)
        self.work.after(self.folder)
        return said

    def _held(self, at: int) -> None:
        """One stands still at this step while another does the same from its beginning; then it goes on."""
        pid = _fork(lambda: self.work.act(self.folder), Watch("hold", at), self.place / "first.json")
        _, status = os.waitpid(pid, os.WUNTRACED)
        second = None
        if os.WIFSTOPPED(status):
            second = _fork(lambda: self.work.act(self.folder), None, self.place / "second.json")
            # It is done, or waits for the first one: both are right.
            _wait(second, 0.4)
            os.kill(pid, signal.SIGCONT)
            _, status = os.waitpid(pid, 0)
        found = [_ended_as(status, self.place / "first.json")]
        if second is not None:
            with contextlib.suppress(ChildProcessError):
                _, status = os.waitpid(second, 0)
                found.append(_ended_as(status, self.place / "second.json"))
        self.figures.held += 1
        for each in found:
            assert each.how in ("done", "refused"), each.told.get("trace", each.how)
            if each.how == "refused":
                code = str(each.told["code"])
                assert code in self.work.over or code.endswith(("-busy", "-running", "-there")), each.told
                self.figures.codes[code] = self.figures.codes.get(code, 0) + 1
        self._compare(files_in(self.folder), "done")
        self._again(was_cut=False)

    def _lay_out(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.kept, self.folder, symlinks=True)

    def _compare(self, now: Files, how: str) -> None:
        """Old or new, and never a mixture."""
        if self.work.moves:
            there = {content for _, content in now.values()}
            for name, (_, content) in self.old.items():
                gone = content not in there and not self._is(name, self.work.varies + self.work.own)
                assert not gone, f"the bytes of {name} are nowhere"
            return
        for name in {*self.old, *self.new}:
            if self._is(name, self.work.varies + self.work.own):
                continue
            assert now.get(name) in (self.old.get(name), self.new.get(name)), f"{name} is neither old nor new ({how})"

    def _no_strays(self, now: Files, when: str) -> None:
        strays = [name for name in now if name not in self.old and name not in self.new
                  and not self._is(name, self.work.varies + self.work.own)]  # fmt: skip
        assert not strays, f"left lying about {when}: {', '.join(strays)}"

    def _age(self, now: Files) -> None:
        then = time.time() - _OLDER
        for name in now:
            if name not in self.old and name not in self.new:
                for path in (self.folder / name, *(self.folder / name).parents):
                    if path == self.folder:
                        break
                    with contextlib.suppress(OSError):
                        os.utime(path, (then, then), follow_symlinks=False)

    def _child(self, do: Callable[[], object], how: Watch | None, must: str | None = None) -> Ended:
        return _in_child(do, how, self.place / "told.json", must=must)

    @staticmethod
    def _is(name: str, patterns: tuple[str, ...]) -> bool:
        return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def files_in(folder: Path) -> Files:
    """Every file and link below it by its path with slashes; times in names are TIME."""
    found: Files = {}
    for above, folders, files in os.walk(folder):
        for name in (*files, *(each for each in folders if (Path(above) / each).is_symlink())):
            path = Path(above) / name
            key = _TIME.sub("TIME", path.relative_to(folder).as_posix())
            if path.is_symlink():
                found[key] = (0, os.fsencode(path.readlink()))
            else:
                found[key] = (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
    return found


def undurable(steps: Sequence[Step], work: Work) -> list[str]:
    """Files that got their name before their bytes were forced to the disk."""
    dirty: set[str] = set()
    found = []
    for step in steps:
        if step.kind == "write":
            dirty.add(step.path)
        elif step.kind == "fsync":
            dirty.discard(step.path)
        elif step.kind in ("rename", "link"):
            if step.path in dirty and not any(fnmatch.fnmatch(step.to, pattern) for pattern in work.loose):
                found.append(Path(step.to).name)
            dirty.discard(step.path)
    return found


def _in_child(do: Callable[[], object], how: Watch | None, told: Path, must: str | None = None) -> Ended:
    _, status = os.waitpid(_fork(do, how, told), 0)
    ended = _ended_as(status, told)
    if must is not None:
        assert ended.how == must, ended.told.get("trace") or ended.told or ended.how
    return ended


def _fork(do: Callable[[], object], how: Watch | None, told: Path) -> int:
    told.unlink(missing_ok=True)
    pid = os.fork()
    if pid:
        return pid
    code = _FAULT
    try:
        os.setsid()
        record: dict[str, Any] = {}
        try:
            watch(how)
            said = do()
            if how is not None and how.how == "kill" and how.at == len(how.steps) + 1:
                os.kill(os.getpid(), signal.SIGKILL)
            watch(None)
            ended, record = 0, {"said": [str(each) for each in said] if isinstance(said, list) else []}
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent says it
            watch(None)
            ended, record = _refusal(error)
        record["steps"] = [vars(step) for step in how.steps] if how is not None else []
        told.write_text(json.dumps(record), encoding="utf-8")
        code = ended
    finally:
        os._exit(code)


def _refusal(error: BaseException) -> tuple[int, dict[str, Any]]:
    named = hasattr(error, "code") and hasattr(error, "message")
    if named:
        return _REFUSED, {"code": error.code, "message": str(error.message), "hint": str(getattr(error, "hint", ""))}
    return _FAULT, {"trace": "".join(traceback.format_exception(error))[-1500:]}


def _ended_as(status: int, told: Path) -> Ended:
    if os.WIFSIGNALED(status):
        return Ended("killed" if os.WTERMSIG(status) == signal.SIGKILL else "fault", {"trace": f"status {status}"})
    record = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {"trace": "it said nothing"}
    steps = tuple(Step(**each) for each in record.pop("steps", []))
    how = {0: "done", _REFUSED: "refused"}.get(os.WEXITSTATUS(status), "fault")
    return Ended(how, record, steps)


def _wait(pid: int, seconds: float) -> None:
    """Until it has ended, at most so long; it is left to be waited for."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.005)


def _said(step: Step | None) -> str:
    return (
        "its end"
        if step is None
        else f"{step.kind} {Path(step.path).name}" + (f" -> {Path(step.to).name}" if step.to else "")
    )


HOWS = ("kill", "torn", "full", "locked", "hold")


def run_all(
    works: Sequence[Work], place: Path, shares: dict[str, float], part: tuple[int, int] = (0, 1), seed: int = 8
) -> Iterator[Figures]:
    """`shares`: of the points of each kind ("kill", or "dear-kill" for works that are dear) how many are taken."""
    install()
    # What is there already is never touched again, so that no child copies it.
    gc.freeze()
    for work in works:
        chance = random.Random(f"{seed} {work.name}")
        points = Points(work, place)
        for how in HOWS:
            if share := shares.get(f"dear-{how}" if work.dear else how, 0.0):
                points.run(how, share, chance, part)
        shutil.rmtree(points.place, ignore_errors=True)
        yield points.figures
