"""Turn a pickle into safetensors: the engine's own inert reader does it, in the engine's interpreter."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Generator, Mapping
from pathlib import Path

from launcher.core.download.disk import check_space
from launcher.core.environments.environments import current, interpreter
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Progress
from launcher.core.models.outline import BrokenError, read_outline
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
    """`source` (.ckpt, .pt, .pth, .bin) as .safetensors beside it; the value is the new file. The original stays.

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
    target = source.with_suffix(".safetensors")
    _check(source, target)
    command = [str(interpreter(environment)), "-m", "runtime.engine.convert", str(source), str(target)]
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
        # What an ended process leaves has the size of the model.
        shutil.rmtree(target.with_name(f".{target.name}.part"), ignore_errors=True)
    return target


def _check(source: Path, target: Path) -> None:
    try:
        outline = read_outline(source)
    except BrokenError as broken:
        raise LauncherError(
            "not-a-model",
            t("{name} cannot be converted: {what}.", name=source.name, what=broken.code),
            t("`gesso models list` says what is wrong with it."),
        ) from None
    except OSError as refused:
        raise LauncherError(
            "no-such-file",
            t("The file {file} cannot be read: {reason}.", file=source, reason=refused.strerror or refused),
            t("Check that it is there and that you may read it."),
        ) from None
    if outline.format != "pickle" or target == source:
        raise LauncherError(
            "not-a-pickle",
            t("{name} is no file of torch (.ckpt, .pt, .pth, .bin).", name=source.name),
            t("Only those need to be converted; give it its right ending first."),
        )
    if target.exists():
        raise LauncherError(
            "already-there",
            t("Another file lies at {file}.", file=target),
            t("Rename or move it, then try again."),
        )
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
