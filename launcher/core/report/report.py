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
from launcher.core.paths import PROXIES, Workspace
from launcher.core.plan.options import Options
from launcher.core.process import CancelledError
from launcher.core.report.passwords import is_secret
from launcher.core.report.redaction import Redaction
from launcher.core.report.sources import Ground, Source, sources, uncancelled
from launcher.core.settings import read_settings
from launcher.core.text import Text, t

_PASSWORD = re.compile(r"://[^\s/@:]*:([^\s/]+)@")
#: a name of some parts: an address of numbers is found by its form, and "localhost" says nothing
_PROXY_HOST = re.compile(r"(?:^|[/@])((?:[A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*)(?=[:/]|$)")
_ABOUT = """\
This is a report of Gesso, made by its user to attach to a question. Everything in it is plain text.

Taken out, where it was recognised: the user's and the computer's name, the home folder, addresses, e-mail, phone
numbers, passwords and tokens.
NOT recognised: prompts, what somebody called models, folders and files, names of other people, a password that stands
alone without a word that says what it is, names of servers. A user's or a computer's name that is an ordinary word,
such as root or server, stays too.
Read it through before you give it away.

这是 Gesso 的报告，由用户生成，用来附在提问里。里面都是纯文本。

凡是认得出的都已去掉：用户名、计算机名、主目录的路径、IP 地址、邮箱、电话号码、密码和令牌。
认不出的仍在里面：提示词，自己给模型、文件夹和文件起的名字，其他人的姓名，单独出现、前后没有说明的密码，
服务器的名字。用户名或计算机名若是常见词（如 root、server），也会保留。
发给别人之前，请从头到尾看一遍。
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
    """Reads and redacts; writes nothing. `checks`: what the doctor says, where somebody asks it. CancelledError."""
    listed = sources(workspace)
    yield Progress("report", 0, len(listed), "files")
    ground = Ground(workspace, options, environ, tuple(uncancelled(cancel, checks)), cancel)
    redaction = whose(workspace, environ)
    parts = [Part("README.txt", t("what this is"), _ABOUT)]
    for number, source in enumerate(uncancelled(cancel, listed)):
        yield Progress("report", number, len(listed), "files")
        if (text := _read(source, ground, redaction)) is not None:
            parts.append(Part(_name(source, redaction), source.what, text))
    return Report(tuple(parts))


def _read(source: Source, ground: Ground, redaction: Redaction) -> str | None:
    try:
        found = source.read(ground)
    except CancelledError:
        raise
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
    hosts |= {found for each in _proxies(workspace, environ) for found in _PROXY_HOST.findall(each)}
    return Redaction(
        users=tuple(users),
        homes=tuple(each for each in homes if len(each) > 1),
        hosts=tuple(hosts),
        secrets=tuple(_secrets(workspace, environ)),
    )


def _secrets(workspace: Workspace, environ: Mapping[str, str]) -> Iterable[str]:
    """Values that are secret wherever they stand: of variables that are called so, and passwords of proxies."""
    yield from (value for name, value in environ.items() if is_secret(name))
    for each in (*environ.values(), *_proxies(workspace, environ)):
        yield from _PASSWORD.findall(each)


def _proxies(workspace: Workspace, environ: Mapping[str, str]) -> Iterable[str]:
    """As they are written: a company's proxy bears its name."""
    yield from (value for name, value in environ.items() if name.lower() in PROXIES)
    with contextlib.suppress(LauncherError):
        yield read_settings(workspace).proxy.address or ""
