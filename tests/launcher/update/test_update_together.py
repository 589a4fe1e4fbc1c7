"""Several at work in one checkout: two updates, a runtime, an install; and archives that nobody vouches for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Notice
from launcher.core.file_hash import sha256
from launcher.core.file_lock import only_one
from launcher.core.update.find import Wish
from launcher.core.update.memory import recall
from launcher.core.update.unfinished import LOCK
from launcher.core.update.update import carry_out, find_update
from tests.fakes.fault_server import FaultServer
from tests.launcher.update.conftest import Copy, copy_at, through, tree, updated, write, zipped


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return zipped(tmp_path / "新 0.2.0.zip", {**tree("0.2.0"), "launcher/new file.py": "new"})


def test_two_at_once_do_not_mix(plain: Copy, archive: Path, tmp_path: Path) -> None:
    """The second looks while the first one asks its user; then both are told yes."""
    other = copy_at(plain.root, tmp_path / "other workspace")
    one = through(find_update(plain.place, Wish(archive=str(archive))))
    two = through(find_update(other.place, Wish(archive=str(zipped(tmp_path / "8.zip", tree("0.8.0"))))))
    through(carry_out(plain.place, one))
    moved = recall(plain.root)
    assert (plain.version, moved and moved.version) == ("0.2.0", "0.2.0")
    with pytest.raises(LauncherError, match="update-moved-since"):
        through(carry_out(other.place, two))
    assert plain.version == "0.2.0"
    assert not list(plain.place.folder.glob("new-*"))


def test_what_runs_from_these_files_is_waited_for_in_every_workspace(
    plain: Copy, archive: Path, tmp_path: Path
) -> None:
    found = through(find_update(plain.place, Wish(archive=str(archive))))
    write(plain.root, {"runtime/__main__.py": "import time\ntime.sleep(60)\n"})
    with subprocess.Popen([sys.executable, "-m", "runtime"], cwd=plain.root) as child:
        with pytest.raises(LauncherError, match="runtime-running") as failure:
            through(carry_out(plain.place, found))
        assert str(child.pid) in str(failure.value.message)
        child.kill()
    with only_one(plain.place.folder / LOCK, lambda _: AssertionError()):
        other = copy_at(plain.root, tmp_path / "other workspace")
        with pytest.raises(LauncherError, match="update-running"):
            through(find_update(other.place, Wish(archive=str(archive))))


def test_an_install_that_reads_these_files_is_waited_for(plain: Copy, archive: Path) -> None:
    found = through(find_update(plain.place, Wish(archive=str(archive))))
    with (
        only_one(plain.place.workspace.state / "install.lock", lambda _: AssertionError()),
        pytest.raises(LauncherError, match="install-running"),
    ):
        through(carry_out(plain.place, found))
    assert plain.version == "0.1.0"


def test_an_address_is_as_little_verified_as_a_file(plain: Copy, archive: Path) -> None:
    shutil.copy(archive, archive.with_name("new.zip"))
    with FaultServer(archive.parent) as server:
        seen = updated(plain, Wish(archive=server.url("ok", "new.zip")))
    said = [str(each.text) for each in seen if isinstance(each, Notice) and each.slug == "unverified"]
    assert len(said) == 1
    assert sha256(archive) in said[0]
    with pytest.raises(LauncherError, match="update-remote"):
        through(find_update(plain.place, Wish(archive="http://models.example/new.zip")))
