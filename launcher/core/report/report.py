"""Makes the report: every source is read and redacted; what comes out is shown before anybody writes it."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import re
import socket
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Cancel

from launcher.core.doctor.check import Checked
from launcher.core.errors import LauncherError
from launcher.core.events import Progress
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.report.passwords import is_secret
from launcher.core.report.redaction import Redaction
from launcher.core.report.sources import Ground, Source, sources
from launcher.core.settings import read_settings
from launcher.core.text import Text, t

_PASSWORD = re.compile(r"://[^\s/@]*:([^\s/@]+)@")
_ABOUT = """\
This is a report of Gesso, made by its user to attach to a question. Everything in it is plain text.
Names, paths of the home folder, addresses, e-mail, passwords and tokens have been taken out.

这是 Gesso 的报告，由用户生成，用来附在提问里。里面都是纯文本。
用户名、主目录的路径、IP 地址、邮箱、密码和令牌都已去掉。
"""


@dataclass(frozen=True)
class Part:
    """One file of the bundle, as it will be given away."""

    name: str
    what: Text
    text: str

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.text.encode("utf-8", "replace"))


@dataclass(frozen=True)
class Report:
    """Everything that would be written, and nothing else."""

    parts: tuple[Part, ...]


def gather(
    workspace: Workspace,
    options: Options,
    environ: Mapping[str, str] = os.environ,
    checks: Iterable[Checked] = (),
    cancel: Cancel | None = None,
) -> Generator[Progress, None, Report]:
    """Reads and redacts; writes nothing. `checks`: what the doctor has said, where somebody has asked it."""
    ground = Ground(workspace, options, environ, tuple(checks))
    redaction = whose(workspace, environ)
    parts = [Part("README.txt", t("what this is"), _ABOUT)]
    listed = sources(workspace)
    for number, source in enumerate(listed):
        if cancel is not None and cancel.is_set():
            break
        yield Progress("report", number, len(listed), "files")
        if (text := _read(source, ground, redaction)) is not None:
            parts.append(Part(_name(source, redaction), source.what, text))
    return Report(tuple(parts))


def _read(source: Source, ground: Ground, redaction: Redaction) -> str | None:
    try:
        found = source.read(ground)
    # that it cannot be read is a part of the answer
    except (LauncherError, OSError) as error:
        found = f"{type(error).__name__}: {error}"
    if found is None:
        return None
    if isinstance(found, str):
        return redaction.text(found)
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return redaction.lines(found)
    return json.dumps(redaction.json(found), ensure_ascii=False, indent=1, default=str)


def _name(source: Source, redaction: Redaction) -> str:
    """Without the signs that no file's name may have on Windows."""
    return re.sub(r'[<>:"|?*\\]', "", redaction.text(source.name))


def whose(workspace: Workspace, environ: Mapping[str, str]) -> Redaction:
    """What is known of this user and this computer."""
    home = Path.home()
    homes = {str(home), os.path.realpath(home), *(environ.get(name, "") for name in ("HOME", "USERPROFILE"))}
    users = {home.name, *(environ.get(name, "") for name in ("USER", "USERNAME", "LOGNAME"))}
    # there may be no such user in the system's list, as in a container
    with contextlib.suppress(KeyError, OSError):
        users.add(getpass.getuser())
    hosts = {platform.node(), socket.gethostname(), *(environ.get(name, "") for name in ("HOSTNAME", "COMPUTERNAME"))}
    hosts |= {host.partition(".")[0] for host in hosts}
    return Redaction(
        users=tuple(users),
        homes=tuple(each for each in homes if len(each) > 1),
        hosts=tuple(hosts),
        secrets=tuple(_secrets(workspace, environ)),
    )


def _secrets(workspace: Workspace, environ: Mapping[str, str]) -> Iterable[str]:
    """Values that are secret wherever they stand: of variables that are called so, and passwords of proxies."""
    yield from (value for name, value in environ.items() if is_secret(name))
    try:
        chosen = read_settings(workspace).proxy.address or ""
    except LauncherError:
        chosen = ""
    for each in (*environ.values(), chosen):
        yield from _PASSWORD.findall(each)
