"""Whatever ends a mend in the middle: the journal names it, and its undo brings everything back."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.mends import journal
from launcher.core.mends.mend import Here
from tests.fakes.model_files import checkpoint, lora, write_safetensors
from tests.launcher.mends.mending import exhaust, here_in

Values = dict[str, str]


def _nothing(_here: Here) -> Values:
    return {}


def _two_models(here: Here) -> Values:
    folder = here.workspace.models / "Stable-diffusion"
    for name in ("a", "b"):
        write_safetensors(folder / f"{name}.safetensors", lora("sd1", layers=1))
    write_safetensors(folder / "right.safetensors", checkpoint("sd1", blocks=1))
    return {}


def _old_downloads(here: Here) -> Values:
    then = time.time() - 8 * 24 * 3600
    for name in ("x", "y", "z"):
        folder = here.workspace.cache / "incoming" / name
        folder.mkdir(parents=True)
        (folder / "model.gesso-part").write_bytes(b"x")
        for each in (folder / "model.gesso-part", folder):
            os.utime(each, (then, then))
    return {}


def _lock(here: Here) -> Values:
    git = here.workspace.root.parent / "clone" / ".git"
    (git / "objects").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "index.lock").write_bytes(b"")
    then = time.time() - 3600
    os.utime(git / "index.lock", (then, then))
    return {"path": str(git / "index.lock")}


def _settings(here: Here) -> Values:
    here.workspace.config_file.parent.mkdir(parents=True, exist_ok=True)
    here.workspace.config_file.write_text("[proxy\n")
    return {}


GROUNDS: dict[str, Callable[[Here], Values]] = {
    "full-precision": _nothing,
    "local-no-proxy": _nothing,
    "move-model": _two_models,
    "remove-leftovers": _old_downloads,
    "git-unlock": _lock,
    "settings-aside": _settings,
}


@pytest.fixture(params=sorted(GROUNDS))
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Here, str, Values]:
    """A mend with something to mend, and the values that it is given."""
    if sys.platform == "win32":
        pytest.skip("ends a child of its own")
    here = here_in(tmp_path, SHELL="/bin/bash", http_proxy="http://127.0.0.1:9")
    (Path(here.environ["HOME"]) / ".bashrc").write_text("export A=b\n")
    return here, request.param, GROUNDS[request.param](here)


def tree(here: Here) -> dict[str, bytes]:
    """Everything of the user's; not what Gesso keeps for itself, nor what the next writer sweeps."""
    base, state = here.workspace.root.parent, here.workspace.state
    files = (each for each in base.rglob("*") if each.is_file() and state not in each.parents and each.suffix != ".tmp")
    return {str(each): each.read_bytes() for each in files if not each.name.endswith(".lock") or ".git" in each.parts}


def brought_back(here: Here, before: dict[str, bytes]) -> None:
    if tree(here) == before and not journal.done(here):
        return
    (entry,) = journal.done(here)
    assert entry.begun or tree(here) != before
    exhaust(journal.undo(here, entry.number))
    assert tree(here) == before
    assert journal.done(here)[0].undone
    assert not journal.done(here)[0].begun


@pytest.mark.parametrize("events", [1, 2])
def test_closed_at_an_event(ground: tuple[Here, str, Values], events: int) -> None:
    here, name, values = ground
    before = tree(here)
    work = journal.mend(here, name, values)
    for _ in range(events):
        next(work, None)
    work.close()
    assert journal.done(here), "there is a way back"
    brought_back(here, before)


@pytest.mark.parametrize("steps", range(1, 9))
def test_killed_before_any_of_its_changes(ground: tuple[Here, str, Values], steps: int) -> None:
    here, name, values = ground
    before = tree(here)
    child = os.fork()
    if not child:
        _die_at(steps)
        try:
            exhaust(journal.mend(here, name, values))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    brought_back(here, before)


def _die_at(steps: int) -> None:
    left = [steps]

    def heard(event: str, _words: object) -> None:
        if event in ("os.rename", "os.link", "os.remove"):
            left[0] -= 1
            if not left[0]:
                os._exit(1)

    sys.addaudithook(heard)


def test_a_mend_that_fails_leaves_no_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = here_in(tmp_path)
    _two_models(here)
    real = os.link

    def full(source: str, target: str) -> None:
        if "b.safetensors" in str(target):
            raise PermissionError(13, "held")
        real(source, target)

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr("launcher.core.download.part.replace_file", full)
    before = tree(here)
    with pytest.raises(LauncherError):
        exhaust(journal.mend(here, "move-model", {}))
    assert tree(here) == before
    assert journal.done(here) == ()
