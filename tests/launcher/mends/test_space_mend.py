"""A disk that is full: a real one of a few MiB where the system lets a test make one, freed of caches alone."""

import os
import shutil
import subprocess
import sys

import pytest

from launcher.core.errors import LauncherError
from launcher.core.install.lock import install_lock
from launcher.core.mends import free_space, journal
from launcher.core.mends.free_space import caches, given_back
from launcher.core.paths import checkout
from tests.launcher.mends.mending import exhaust, here_in

MIB = 1 << 20
#: run in a namespace of its own, so that the disk ends with it
FULL = """
import os, pathlib, subprocess, sys
place = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(place)], check=True)
from launcher.core.errors import LauncherError
from launcher.core.mends import journal
from launcher.core.mends.mend import Here
from launcher.core.paths import Workspace
from launcher.core.records import write_text

here = Here(Workspace(place), {"HOME": str(place)})
for name, size in (("models/Stable-diffusion/a.safetensors", 3), ("outputs/a.png", 2), ("cache/pip/wheel", 9)):
    file = place / name
    file.parent.mkdir(parents=True)
    file.write_bytes(os.urandom(size << 20))
(place / "cache/uv").mkdir()
with (place / "cache/uv/rest").open("wb") as rest:
    try:
        while True:
            rest.write(bytes(65536))
            rest.flush()
    except OSError:
        pass

def work():
    try:
        write_text(place / "big", "x" * (8 << 20))
    except LauncherError as error:
        return error.code
    return "done"

print(work())
values = {"needed_mib": "8"}
print([str(each.what) for each in journal.preview(here, "free-space", values).changes])
events = journal.mend(here, "free-space", values)
while True:
    try:
        next(events)
    except StopIteration as end:
        print(end.value.still)
        break
print(work())
print(sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file() and file.parts[-2] != "state"))
"""


@pytest.mark.skipif(
    sys.platform != "linux"
    or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0,
    reason="no disk can be made here",
)
def test_what_did_not_fit_fits_afterwards_and_models_and_pictures_are_there(tmp_path):
    said = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", FULL, str(tmp_path)],
        cwd=checkout(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    before, shown, still, after, left = said.stdout.splitlines()
    assert before == "disk-full"
    assert shown == "['Files in cache/uv', 'Files in cache/pip']"
    assert still == "None"
    assert after == "done"
    assert left == "['big', 'models/Stable-diffusion/a.safetensors', 'outputs/a.png']"


def filled(folder, size=2 * MIB):
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_bytes(os.urandom(size))
    return folder


@pytest.fixture
def here(tmp_path):
    return here_in(tmp_path)


def test_caches_go_with_their_bytes_and_nothing_else(here):
    cache, root = here.workspace.cache, here.workspace.root
    gone = [filled(cache / name, 3 * MIB) for name in ("pip/http/a", "uv/wheels/b", "tmp/c", "wheels/d.whl")]
    gone += [filled(cache / "huggingface" / name) for name in ("xet/e", "hub/models--a--b/blobs/f.incomplete")]
    stay = [filled(cache / name) for name in ("python/cpython/bin/python", "huggingface/hub/models--a--b/blobs/g")]
    stay += [filled(root / name) for name in ("models/VAE/h", "outputs/i", "environments/e/lib/j")]
    shown = journal.preview(here, "free-space", {})
    assert {str(each.what): each.before for each in shown.changes} == {
        "Files in cache/huggingface": "4 MiB", "Files in cache/pip": "3 MiB", "Files in cache/uv": "3 MiB",
        "Files in cache/tmp": "3 MiB", "Files in cache/wheels": "3 MiB",
    }  # fmt: skip
    assert all(file.exists() for file in gone)
    _, mended = exhaust(journal.mend(here, "free-space", {"needed_mib": "1"}))
    assert mended.still is None
    assert not any(file.exists() for file in gone)
    assert all(file.exists() for file in stay)
    assert journal.preview(here, "free-space", {}) is None
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, mended.number))
    assert caught.value.code == "mend-final"


def test_what_an_environment_shares_frees_nothing(here):
    kept = filled(here.workspace.cache / "uv" / "a")
    shared = here.workspace.environments / "e" / "a"
    shared.parent.mkdir(parents=True)
    os.link(kept, shared)
    assert given_back((here.workspace.cache / "uv",)) == 0
    assert journal.preview(here, "free-space", {}) is None
    os.link(kept, kept.with_name("b"))
    shared.unlink()
    assert given_back((here.workspace.cache / "uv",)) == 2 * MIB


def test_a_link_is_not_followed(here, tmp_path):
    mine = filled(tmp_path / "mine" / "file")
    here.workspace.cache.mkdir(parents=True)
    (here.workspace.cache / "pip").symlink_to(mine.parent)
    filled(here.workspace.cache / "tmp" / "a")
    (here.workspace.cache / "tmp" / "link").symlink_to(mine.parent)
    exhaust(journal.mend(here, "free-space", {}))
    assert mine.exists()
    assert not (here.workspace.cache / "tmp" / "a").exists()


def test_nothing_is_taken_from_an_install_or_a_server_at_work(here, monkeypatch):
    file = filled(here.workspace.cache / "uv" / "a")
    tmp = filled(here.workspace.cache / "tmp" / "b")
    with install_lock(here.workspace), pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "free-space", {}))
    assert caught.value.code == "install-running"
    monkeypatch.setattr(free_space, "find_running", lambda workspace: object())
    assert [each.name for each in caches(here)] == ["uv"]
    exhaust(journal.mend(here, "free-space", {}))
    assert (file.exists(), tmp.exists()) == (False, True)


def test_a_disk_that_is_still_full_is_said(here):
    filled(here.workspace.cache / "uv" / "a")
    wanted = (shutil.disk_usage(here.workspace.root).free >> 20) + 100_000
    _, mended = exhaust(journal.mend(here, "free-space", {"needed_mib": str(wanted)}))
    assert str(wanted) in str(mended.still)


def test_uvs_cache_stays_while_an_environment_is_made_of_links_into_it(here):
    kept = filled(here.workspace.cache / "uv" / "archive" / "torch" / "__init__.py")
    package = here.workspace.environments / "e" / "lib" / "python3.12" / "site-packages" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").symlink_to(kept)
    assert caches(here) == ()
    (package / "__init__.py").unlink()
    assert [each.name for each in caches(here)] == ["uv"]
