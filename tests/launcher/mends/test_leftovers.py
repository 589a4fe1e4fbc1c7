"""What killed runs leave behind, staged for real: uv complains of it, and no longer does after the mend."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launcher.core.environments.environments import begin
from launcher.core.errors import LauncherError
from launcher.core.install.lock import install_lock
from launcher.core.mends import journal
from launcher.core.process import python_in
from tests.launcher.mends.mending import exhaust
from tests.launcher.mends.shop import Shop


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    return Shop(tmp_path, monkeypatch)


def kill_pip_in_the_middle(site: Path, name: str) -> None:
    """It renames what it uninstalls (its first letter becomes ~), and takes that away at the end."""
    for each in (*site.glob(f"{name}-*.dist-info"), site / name):
        shutil.copytree(each, site / f"~{each.name[1:]}")


def complaints(folder: Path) -> str:
    """Of uv about the environment; pip says "Ignoring invalid distribution"."""
    command = [sys.executable, "-m", "uv", "pip", "list", "--python", str(python_in(folder))]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return "".join(line for line in said.splitlines() if line.startswith("warning"))


def mended(shop: Shop):
    _, found = exhaust(journal.mend(shop.here, "remove-leftovers", {}))
    assert found.still is None, str(found.still)
    return found.number


def test_uv_complains_no_longer_and_the_files_can_come_back(shop: Shop) -> None:
    folder = shop.install()
    site = shop.site(folder)
    assert journal.preview(shop.here, "remove-leftovers", {}) is None
    kill_pip_in_the_middle(site, "torch")
    assert "~orch" in complaints(folder)
    shown = journal.preview(shop.here, "remove-leftovers", {})
    below = site.relative_to(shop.workspace.root).as_posix()
    assert [each.before for each in shown.changes] == [f"{below}/~orch", f"{below}/~orch-{shop.build}.dist-info"]
    number = mended(shop)
    assert complaints(folder) == ""
    exhaust(journal.undo(shop.here, number))
    assert "~orch" in complaints(folder)
    assert (site / "~orch" / "__init__.py").is_file()
    assert not list((shop.workspace.root / "set-aside").glob("*"))


def test_half_made_environments_and_downloads_that_nobody_goes_on_with(shop: Shop) -> None:
    now = shop.install()
    half = shop.workspace.environments / "torch-0-cpu-1"
    begin(half)
    (half / "big").write_bytes(b"x" * 1000)
    incoming = shop.workspace.cache / "incoming"
    for name, age in (("old", 8), ("new", 6)):
        (incoming / name).mkdir(parents=True)
        (incoming / name / "model.gesso-part").write_bytes(b"x")
        then = time.time() - age * 24 * 3600
        for each in (incoming / name / "model.gesso-part", incoming / name):
            os.utime(each, (then, then))
    number = mended(shop)
    assert [each.name for each in incoming.iterdir()] == ["new"], "a slow line takes days"
    assert not half.exists()
    assert shop.current == now
    exhaust(journal.undo(shop.here, number))
    assert (half / "big").read_bytes() == b"x" * 1000
    assert {each.name for each in incoming.iterdir()} == {"old", "new"}


def test_what_an_install_is_at_work_on_is_left_to_it(shop: Shop) -> None:
    half = shop.workspace.environments / "torch-0-cpu-1"
    begin(half)
    with install_lock(shop.workspace), pytest.raises(LauncherError) as refused:
        exhaust(journal.mend(shop.here, "remove-leftovers", {}))
    assert refused.value.code == "install-running"
    assert half.is_dir()


def test_a_place_that_is_taken_by_now_is_not_written_over(shop: Shop) -> None:
    site = shop.site(shop.install())
    kill_pip_in_the_middle(site, "torch")
    number = mended(shop)
    (site / "~orch").mkdir()
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.undo(shop.here, number))
    assert refused.value.code == "mend-changed-since"
    assert list((site / "~orch").iterdir()) == []
    assert not list(site.glob("~orch-*")), "nothing was moved"


def test_one_that_the_system_holds_fast_leaves_all_as_it_was(shop: Shop, monkeypatch) -> None:
    """As Windows does with a library that is loaded."""
    site = shop.site(shop.install())
    kill_pip_in_the_middle(site, "torch")
    real = Path.rename

    def held(self: Path, target: Path) -> Path:
        if self.name.startswith("~orch-"):
            raise PermissionError(13, "The process cannot access the file")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.mend(shop.here, "remove-leftovers", {}))
    assert refused.value.code == "no-permission"
    assert "~orch-" in str(refused.value.message)
    assert len(list(site.glob("~*"))) == 2
    assert journal.done(shop.here) == ()
