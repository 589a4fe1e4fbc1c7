"""How git is called for Gesso's own update: no hook or monitor of it runs, nobody is asked, nothing is kept."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Progress
from launcher.core.process import Exit, Output, run
from launcher.core.proxy_address import masked
from launcher.core.text import Text, t
from launcher.core.update.unfinished import ELSEWHERE

#: this computer itself
LOCAL = ("127.0.0.1", "localhost", "::1")
#: the first with `fetch --no-write-fetch-head`
OLDEST = (2, 29)
_PERCENT = re.compile(r"(?:Receiving objects|Resolving deltas|Updating files):\s+(\d+)% \((\d+)/(\d+)\)")


@dataclass(frozen=True)
class Answer:
    """How a call ended; lines without their ends."""

    code: int
    out: tuple[str, ...]
    err: tuple[str, ...]

    @property
    def said(self) -> str:
        """The last line that tells why, for people."""
        told = [line for line in self.err if line.startswith(("fatal:", "error:", "ssh:"))]
        return (told or list(self.err) or [f"exit code {self.code}"])[-1]

    def refuse_own_trouble(self, root: Path) -> None:
        """LauncherError `disk-full` or `no-permission` if it failed for that: no other place would change it."""
        said = " ".join(self.err)
        if self.code and ("No space left on device" in said or "not enough space" in said):
            raise LauncherError(
                "disk-full",
                t("The disk is full: {why}", why=self.said),
                t("Nothing was changed. Free some space, then run the same command again."),
            )
        if self.code and re.search(r"(unable|cannot|could not|can't).*(Permission denied|Read-only file system)", said):
            raise LauncherError(
                "no-permission",
                t("The folder {folder} cannot be written: {why}.", folder=root, why=self.said),
                t("Run it as the user to whom the folder belongs."),
            )


@dataclass(frozen=True)
class Git:
    """A git that was found, to be called in `root`."""

    program: str
    root: Path
    environment: Mapping[str, str] = field(repr=False)
    #: those that it may speak; the others are closed even to what an answer leads to
    protocols: tuple[str, ...] = ("https", "ssh", "file")

    @property
    def options(self) -> tuple[str, ...]:
        """Settings for one call alone: hooks and monitors of the repository do not run, no protocol runs programs.
        Filters that its configuration names do (git-lfs): without them its files would not be what they are.

        The folder counts as ours whoever owns it: its programs run already, or this one would not.
        """
        settings = {
            "safe.directory": self.root.as_posix(),
            "core.hooksPath": "/dev/null",
            "core.fsmonitor": "false",
            "core.quotePath": "false",
            "submodule.recurse": "false",
            "fetch.recurseSubmodules": "false",
            "transfer.fsckObjects": "true",
            "gc.auto": "0",
            "maintenance.auto": "false",
            "protocol.allow": "never",
            **{f"protocol.{name}.allow": "always" for name in self.protocols},
            # a connection that gives less than 1 kB/s for so many seconds is dead
            "http.lowSpeedLimit": "1000",
            "http.lowSpeedTime": "20",
            "credential.interactive": "never",
        }
        return tuple(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))

    def call(
        self,
        *words: str,
        more: Mapping[str, str] | None = None,
        seconds: float | None = None,
        silence: float | None = None,
        cancel: threading.Event | None = None,
    ) -> Answer:
        """Run it to its end; `seconds` later it is ended, with code 124. LauncherError `cannot-start`."""
        answers: list[Answer] = []
        for _ in self.follow(words, answers.append, more=more, seconds=seconds, silence=silence, cancel=cancel):
            pass
        return answers[0]

    def follow(
        self,
        words: Sequence[str],
        answered: Callable[[Answer], None],
        *,
        more: Mapping[str, str] | None = None,
        seconds: float | None = None,
        silence: float | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Event]:
        """The same, telling how far it is; the answer goes to `answered`. `silence`: seconds without a word."""
        lines: dict[str, list[str]] = {"out": [], "err": []}
        code = 124
        begun = heard = time.monotonic()
        command = [self.program, *self.options, *words]
        # overrules what the repository's configuration allows a protocol by its name
        allowed = {"GIT_ALLOW_PROTOCOL": ":".join(self.protocols)}
        child = run(command, environment={**self.environment, **(more or {}), **allowed}, cwd=self.root, cancel=cancel)
        for event in child:
            now = time.monotonic()
            if isinstance(event, Output):
                heard = now
                lines[event.channel].append(event.text)
                if event.channel == "err" and (found := _PERCENT.search(event.text)):
                    yield Progress("fetch", int(found[2]), int(found[3]), "objects")
            elif isinstance(event, Exit):
                code = event.code
            if now - begun > (seconds or now) or now - heard > (silence or now):
                child.close()  # type: ignore[attr-defined]
                lines["err"].append(f"fatal: no answer within {seconds or silence:.0f} seconds")
                break
        answered(Answer(code, tuple(lines["out"]), tuple(lines["err"])))


def find_git(root: Path, environ: Mapping[str, str]) -> Git:
    """The git of the variable GIT, as AUTOMATIC1111 knows it, else the one on the path.

    LauncherError `no-git`, `git-too-old`.
    """
    wanted = environ.get("GIT") or environ.get("GIT_PYTHON_GIT_EXECUTABLE") or "git"
    program = shutil.which(wanted.strip('"'), path=environ.get("PATH"))
    if program is None:
        raise LauncherError(
            "no-git",
            t("This copy of Gesso was cloned with git, and there is no git on this computer now."),
            t("Install git, or name it in the variable GIT, and run the same command again."),
        )
    git = Git(program, root, environment(environ))
    said = " ".join(git.call("version", seconds=15).out)
    found = re.search(r"(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise LauncherError(
            "git-too-old",
            t("{program} is no git that can be used here: {said}", program=program, said=said or "?"),
            t("Install git {oldest} or newer.", oldest=oldest),
        )
    return git


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables for git: never a question, English words, no other repository than the one it is called in."""
    kept = {name: value for name, value in environ.items() if name not in ELSEWHERE}
    ssh = kept.get("GIT_SSH_COMMAND") or "ssh -oBatchMode=yes -oConnectTimeout=15"
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "never"}
    # Who only looks takes no lock, which would stay if he were ended.
    return {**kept, **quiet, "GIT_OPTIONAL_LOCKS": "0", "GIT_SSH_COMMAND": ssh, "LC_ALL": "C", "LANGUAGE": "C"}


def for_address(git: Git, url: str) -> Git:
    """The git that may ask `url`: unencrypted only on this computer itself.

    LauncherError `update-remote` for an address that git would run a program for, or that is not encrypted.
    """
    _check(url)
    return replace(git, protocols=(*git.protocols, "http")) if url.startswith("http://") else git


def _check(url: str) -> None:
    scheme = url.partition("::")[0] if "::" in url else urlsplit(url).scheme
    local = urlsplit(url).hostname in LOCAL
    bad = "::" in url or url.startswith("-") or any(ord(letter) < 32 for letter in url)
    if bad or (scheme in ("http", "git", "ftp", "ftps") and not local):
        raise unwanted(url, t("`git remote set-url` changes it: https:// is well."))


def unwanted(url: str, hint: Text) -> LauncherError:
    """What comes from there could have been changed on the way, or could be a program."""
    sentence = t("Gesso is not updated from {url}: such an address is not safe.", url=masked(url))
    return LauncherError("update-remote", sentence, hint)
