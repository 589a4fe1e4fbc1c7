"""The one door for git: no hook or monitor of a repository runs, nobody is asked, no protocol that runs programs."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Progress
from launcher.core.process import Exit, Output, run
from launcher.core.text import t

#: what could point git at another repository than the one that it is called in
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
             "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES")  # fmt: skip
#: whatever its value, and over every setting: no certificate is checked
_UNCHECKED = "GIT_SSL_NO_VERIFY"
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
    """A git, to be called in `root`, with what `environment` made."""

    program: str
    root: Path
    environment: Mapping[str, str] = field(repr=False)
    #: those that it may speak; the others are closed even to what an answer leads to
    protocols: tuple[str, ...] = ("https", "ssh", "file")
    #: the folder counts as ours whoever owns it: its programs run already, or this one would not
    trusted: bool = True

    @property
    def options(self) -> tuple[str, ...]:
        """Settings for one call alone: hooks and monitors of the repository do not run, no protocol runs programs.
        Filters that its configuration names do (git-lfs): without them its files would not be what they are.
        """
        settings = {
            **({"safe.directory": self.root.as_posix()} if self.trusted else {}),
            "core.hooksPath": "/dev/null",
            "core.fsmonitor": "false",
            "core.symlinks": "false",
            "core.quotePath": "false",
            "submodule.recurse": "false",
            "fetch.recurseSubmodules": "false",
            "transfer.fsckObjects": "true",
            "gc.auto": "0",
            "maintenance.auto": "false",
            "protocol.allow": "never",
            **{f"protocol.{name}.allow": "always" for name in self.protocols},
            # weaker than what is said for one address alone: `refuse_unchecked` of the update asks for that
            "http.sslVerify": "true",
            # a connection that gives less than 1 kB/s for so many seconds is dead
            "http.lowSpeedLimit": "1000",
            "http.lowSpeedTime": "20",
            "credential.interactive": "never",
        }
        return tuple(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))

    @property
    def variables(self) -> dict[str, str]:
        """The environment of each call, whoever makes it; it overrules what a repository allows a protocol by name."""
        return {**self.environment, "GIT_ALLOW_PROTOCOL": ":".join(self.protocols)}

    def call(
        self,
        *words: str,
        more: Mapping[str, str] | None = None,
        seconds: float | None = None,
        silence: float | None = None,
        cancel: threading.Event | None = None,
        held: int | None = None,
    ) -> Answer:
        """Run it to its end; `seconds` later it is ended, with code 124. LauncherError `cannot-start`.

        `held`: as `process.run` has it.
        """
        answers: list[Answer] = []
        for _ in self.follow(
            words, answers.append, more=more, seconds=seconds, silence=silence, cancel=cancel, held=held
        ):
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
        held: int | None = None,
    ) -> Iterator[Event]:
        """The same, telling how far it is; the answer goes to `answered`. `silence`: seconds without a word."""
        lines: dict[str, list[str]] = {"out": [], "err": []}
        code = 124
        begun = heard = time.monotonic()
        command = [self.program, *self.options, *words]
        variables = {**self.variables, **(more or {})}
        child = run(command, environment=variables, cwd=self.root, cancel=cancel, held=held)
        for event in child:
            now = time.monotonic()
            if isinstance(event, Output):
                heard = now
                lines[event.channel].append(event.text)
                if event.channel == "err" and (found := _PERCENT.search(event.text)):
                    yield Progress("fetch", int(found[2]), int(found[3]), "objects")
            elif isinstance(event, Exit):
                code = event.code
            if (seconds is not None and now - begun > seconds) or (silence is not None and now - heard > silence):
                child.close()  # type: ignore[attr-defined]
                lines["err"].append(f"fatal: no answer within {silence if seconds is None else seconds:.0f} seconds")
                break
        answered(Answer(code, tuple(lines["out"]), tuple(lines["err"])))


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables for git: never a question, English, every certificate checked, no other repository than its own."""
    kept = {name: value for name, value in environ.items() if name not in (*ELSEWHERE, _UNCHECKED)}
    ssh = kept.get("GIT_SSH_COMMAND") or "ssh -oBatchMode=yes -oConnectTimeout=15"
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "never"}
    # Who only looks takes no lock, which would stay if he were ended.
    return {**kept, **quiet, "GIT_OPTIONAL_LOCKS": "0", "GIT_SSH_COMMAND": ssh, "LC_ALL": "C", "LANGUAGE": "C"}
