"""Small Gessos in real git repositories, and as archives; no configuration of this computer's git reaches in."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.paths import Workspace
from launcher.core.update.find import Place, Wish
from launcher.core.update.update import carry_out, find_update

T = TypeVar("T")
PROGRAM = 'import sys\nprint("gesso VERSION")\nsys.exit(0 if "--version" in sys.argv else 5)\n'


def tree(version: str, *, lock: str = "a==1", program: str = PROGRAM, more: str = "") -> dict[str, str]:
    """The files of a Gesso of that version; `lock` is the launcher's."""
    return {
        "pyproject.toml": f'[project]\nname = "gesso"\nversion = "{version}"\n{more}',
        "install.sh": "#!/bin/sh\n",
        "launcher/__init__.py": "",
        "launcher/__main__.py": program.replace("VERSION", version),
        "launcher/bootstrap.py": f'print("gesso {version}")\n',
        "launcher/data/locks/launcher.txt": lock,
        "launcher/data/locks/engine.txt": "torch",
        "runtime/__main__.py": "",
        "docs/说明 (v).md": version,
        ".gitignore": "workspace/\n/.launcher-tools/\n",
    }


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PIP_", "GESSO_"))}
    who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**kept, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PIP_CONFIG_FILE": os.devnull}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=environ(), capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(frozen=True)
class Upstream:
    """A repository with a branch main, published by `release`."""

    folder: Path

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def release(self, tag: str, files: dict[str, str] | None = None, *, annotated: bool = True) -> str:
        """Commit these files, all of them, and tag the commit; its hash."""
        for old in git(self.folder, "ls-files", "-z").split("\0"):
            if old:
                (self.folder / old).unlink()
        write(self.folder, files or tree(tag.removeprefix("v")))
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "-m", f"Version {tag}\n\nmore")
        git(self.folder, "tag", *(["-a", "-m", tag] if annotated else []), tag)
        return git(self.folder, "rev-parse", "HEAD")

    def zip(self, target: Path, tag: str, name: str = "gesso") -> Path:
        """As the host of the repository makes it: one folder, the commit as its comment."""
        git(self.folder, "archive", f"--prefix={name}-{tag}/", "-o", str(target), f"{tag}^{{commit}}")
        return target


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each test's upstream is a copy of."""
    folder = tmp_path_factory.mktemp("upstream")
    git(folder, "init", "--quiet", "--template=", "-b", "main")
    found = Upstream(folder)
    found.release("v0.1.0")
    found.release("v0.2.0", {**tree("0.2.0"), "launcher/new file.py": "new"})
    git(folder, "gc", "--quiet")
    return folder


@pytest.fixture
def upstream(tmp_path: Path, first: Path) -> Upstream:
    """With the releases 0.1.0 and 0.2.0."""
    return Upstream(Path(shutil.copytree(first, tmp_path / "上游 repo")))


@dataclass(frozen=True)
class Copy:
    """A user's Gesso: a clone, or a copy without git."""

    place: Place

    @property
    def root(self) -> Path:
        return self.place.root

    @property
    def version(self) -> str:
        return (self.root / "docs/说明 (v).md").read_text(encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Everything but git's and the update's own."""
        own = {".git", ".launcher-tools"}
        paths = [path for path in self.root.rglob("*") if path.is_file() and not own & set(path.parts)]
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in paths}


def copy_at(root: Path, workspace: Path) -> Copy:
    return Copy(Place(Workspace(workspace), root, environ()))


def clone(upstream: Upstream, root: Path, *more: str, at: str = "v0.1.0") -> Copy:
    """A clone whose branch stands at `at`."""
    git(upstream.folder, "clone", "--quiet", "--template=", *more, upstream.url, str(root))
    git(root, "reset", "--quiet", "--hard", at)
    return copy_at(root, root.parent / "我的 画图 (新)")


@pytest.fixture
def cloned(upstream: Upstream, tmp_path: Path) -> Copy:
    return clone(upstream, tmp_path / "gesso 克隆")


@pytest.fixture
def plain(tmp_path: Path) -> Copy:
    """Version 0.1.0 unpacked from an archive."""
    root = tmp_path / "gesso 拷贝"
    write(root, tree("0.1.0"))
    return copy_at(root, tmp_path / "我的 画图 (新)")


def through(work: Generator[Event, None, T], seen: list[Event] | None = None) -> T:
    """The result of the work; its events go to `seen`."""
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        if seen is not None:
            seen.append(event)


def zipped(target: Path, files: dict[str, str], prefix: str = "gesso-x/") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(prefix + name, text)
    return target


def updated(copy: Copy, wish: Wish = Wish()) -> list[Event]:  # noqa: B008
    seen: list[Event] = []
    through(carry_out(copy.place, through(find_update(copy.place, wish), seen)), seen)
    return seen


def refused(copy: Copy, code: str, wish: Wish = Wish()) -> LauncherError:  # noqa: B008
    """The refusal, after which everything is as it was."""
    before, head = copy.files(), git(copy.root, "rev-parse", "HEAD")
    with pytest.raises(LauncherError) as failure:
        updated(copy, wish)
    assert failure.value.code == code, failure.value
    kept = {name: text for name, text in copy.files().items() if not name.startswith("workspace/")}
    assert kept == before
    assert git(copy.root, "rev-parse", "HEAD") == head
    assert str(failure.value.message)
    assert str(failure.value.hint)
    return failure.value
