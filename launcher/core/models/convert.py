"""Turn a pickle into safetensors: the engine's own inert reader does it, in the engine's interpreter."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path

from launcher.core.download.disk import check_space, disk_error
from launcher.core.download.part import beside
from launcher.core.environments.environments import current, interpreter
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Progress
from launcher.core.file_lock import only_one
from launcher.core.models.links import read_links
from launcher.core.models.outline import BrokenError, read_outline
from launcher.core.models.problems import Problem
from launcher.core.models.shelves import HOMES
from launcher.core.paths import Workspace, checkout, child_environment
from launcher.core.process import Exit, Output, run
from launcher.core.text import t


def convert(
    workspace: Workspace,
    source: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    cancel: threading.Event | None = None,
) -> Generator[Event, None, Path]:
    """`source` (.ckpt, .pt, .pth, .bin) as .safetensors beside it, of a linked install in the workspace's folder of its
    kind; the value is the new file. The original stays.

    What is written is read back and compared there, and its header once more here. LauncherError `not-installed`,
    `already-there`, `not-a-model`, `disk-full`, `convert-failed` or the reader's own code.
    """
    environment = current(workspace)
    if environment is None:
        raise LauncherError(
            "not-installed",
            t("There is no engine environment yet."),
            t("Run `gesso install`, or `gesso up`, which does both."),
        )
    target = _target(workspace, source)
    lock = beside(target, ".gesso-convert.lock")
    if target.exists() and lock.exists():
        # One who was ended when the file had its name has left it.
        with contextlib.suppress(LauncherError), only_one(lock, lambda pid: _busy(target, pid), remove=True):
            _sweep(target)
    _check(source, target)
    command = [str(interpreter(environment)), "-m", "runtime.engine.convert", str(source), str(target)]
    # Two would write into one folder beside it, and take it away from each other.
    with only_one(lock, lambda pid: _busy(target, pid), remove=True):
        yield from _converted(workspace, command, target, environ, cancel)
    return target


def _busy(target: Path, holder: object) -> LauncherError:
    return LauncherError(
        "convert-busy",
        t("Another Gesso (process {pid}) is writing {file}.", pid=holder, file=target),
        t("Wait until it is done."),
    )


def _converted(
    workspace: Workspace,
    command: Sequence[str],
    target: Path,
    environ: Mapping[str, str],
    cancel: threading.Event | None,
) -> Iterator[Event]:
    answer = ""
    try:
        for event in run(command, environment=child_environment(workspace, environ), cwd=checkout(), cancel=cancel):
            if isinstance(event, Output) and event.channel == "out":
                found = _record(event.text)
                done, total = found.get("done"), found.get("total")
                if isinstance(done, int) and isinstance(total, int):
                    yield Progress("convert", done, total)
                else:
                    answer = event.text
            elif isinstance(event, Output):
                yield Line("runtime", event.text)
            elif isinstance(event, Exit):
                _judge(_record(answer), event.code, target)
    finally:
        _sweep(target)


def _sweep(target: Path) -> None:
    """What an ended process leaves has the size of the model."""
    shutil.rmtree(target.with_name(f".{target.name}.part"), ignore_errors=True)


def _target(workspace: Workspace, source: Path) -> Path:
    """Nothing in a linked install is changed, so nothing is put there either."""
    beside = source.with_suffix(".safetensors")
    place = Path(os.path.realpath(source.parent))
    for install in read_links(workspace).installs:
        kinds = [shelf.kind for shelf in install.shelves if _inside(place, shelf.folder)]
        if kinds or _inside(place, install.root):
            home = HOMES.get(kinds[0]) if kinds and kinds[0] else None
            return workspace.root / (home or "models") / beside.name
    return beside


def _inside(place: Path, folder: Path) -> bool:
    return place.is_relative_to(os.path.realpath(folder))


def _check(source: Path, target: Path) -> None:
    try:
        outline = read_outline(source)
    except BrokenError as broken:
        problem = Problem(broken.code, broken.detail)
        message = t("{name} was not converted. {what}", name=source.name, what=problem.message)
        raise LauncherError("not-a-model", message, problem.hint) from None
    except OSError as refused:
        raise LauncherError(
            "no-such-file",
            t("The file {file} cannot be read: {reason}.", file=source, reason=refused.strerror or refused),
            t("Check that it is there and that you may read it."),
        ) from None
    if outline.format == "pickle" and target == source:
        problem = Problem("wrong-ending")
        raise LauncherError("not-a-pickle", problem.message, problem.hint)
    if outline.format != "pickle":
        raise LauncherError(
            "not-a-pickle",
            t("{name} is no file of torch (.ckpt, .pt, .pth, .bin).", name=source.name),
            t("Only those need to be converted."),
        )
    if target.exists():
        raise LauncherError(
            "already-there",
            t("Another file lies at {file}.", file=target),
            t("Rename or move it, then try again."),
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(target, error) from error
    check_space(target, source.stat().st_size)


def _record(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _judge(answer: Mapping[str, object], code: int, target: Path) -> None:
    if code == 0 and answer.get("ok") is True:
        try:
            if len(read_outline(target).tensors) == answer.get("tensors"):
                return
        except (BrokenError, OSError):
            pass
    raise LauncherError(
        str(answer.get("code") or "convert-failed"),
        t("{message}", message=answer.get("message") or t("The conversion ended with code {code}.", code=code)),
        t("The original is as it was; nothing was put beside it."),
    )
