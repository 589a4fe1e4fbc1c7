"""A copy without git whose change of version was cut off: what starts next makes one version of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.file_hash import sha256
from launcher.core.file_lock import only_one
from launcher.core.paths import checkout
from launcher.core.records import write_record
from launcher.core.update import copy as update_copy
from launcher.core.update import unfinished
from launcher.core.update.find import Wish
from launcher.core.update.memory import Moved, begin, under_way
from launcher.core.update.update import find_update, go_back
from tests.launcher.update.conftest import Copy, copy_at, environ, through, tree, updated, write, zipped


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return zipped(tmp_path / "新 0.2.0.zip", {**tree("0.2.0"), "launcher/new file.py": "new"})


def test_the_way_back_killed_in_its_middle_is_gone_to_its_end(
    plain: Copy, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plain.files()
    updated(plain, Wish(archive=str(archive)))
    real, calls = unfinished.place, 0

    def killed(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "place", killed)
        with pytest.raises(KeyboardInterrupt):
            through(go_back(plain.place))
    assert plain.files() != before
    found = through(find_update(plain.place, Wish(archive=str(archive))))
    assert plain.files() == before
    assert (found.present, found.before) == ("0.1.0", None)


class TestKilledWithAllOfGesso:
    """The real launcher of two versions mixed: none of its modules can be relied on."""

    @pytest.fixture
    def mixed(self, tmp_path: Path) -> Copy:
        root = tmp_path / "Gesso 拷贝"
        for folder in ("launcher", "runtime"):
            shutil.copytree(checkout() / folder, root / folder, ignore=shutil.ignore_patterns(
                "__pycache__", "assets", "tui", "engine", "ui", "api"))  # fmt: skip
        for name in ("pyproject.toml", "install.sh", "mirrors.toml"):
            shutil.copy2(checkout() / name, root / name)
        copy = copy_at(root, tmp_path / "w")
        kept = copy.place.folder / "before-x"
        old = {"launcher/core/errors.py": "", "launcher/cli.py": "", "launcher/arguments.py": ""}
        for name in old:
            write(kept / "files", {name: (root / name).read_text(encoding="utf-8")})
            old[name] = sha256(root / name)
            write(root, {name: "from launcher.core.text import brand_new\n"})
        new = {**{name: sha256(root / name) for name in old}, "launcher/added.py": ""}
        write_record(kept / "gesso-files.json", {"old": old, "new": new})
        begin(root, Moved("archive", "0.1.0", "0.2.0", "now", kept=kept.name, files=new))
        return copy

    def test_every_verb_starts_with_the_version_before(self, mixed: Copy) -> None:
        done = self.called(mixed, "-m", "launcher", "--root", str(mixed.place.workspace.root), "status", "--json")
        assert json.loads(done.stdout)["state"] == "stopped", done.stderr
        assert "all files are of one version again" in done.stderr
        assert under_way(mixed.root) is None
        assert not list(mixed.place.folder.glob("before-*"))

    def test_what_install_sh_starts_ends_it_too(self, mixed: Copy) -> None:
        code = "import runpy; print(runpy.run_path('launcher/bootstrap.py')['end_update']())"
        assert self.called(mixed, "-c", code).stdout.split() == ["True"]
        assert self.called(mixed, "-c", code).stdout.split() == ["False"]
        assert "brand_new" not in (mixed.root / "launcher/cli.py").read_text(encoding="utf-8")

    def test_an_update_that_is_under_way_is_waited_for(self, mixed: Copy) -> None:
        """Its journal lies there too; what it has in hand is not taken out of it."""
        with only_one(mixed.place.folder / unfinished.LOCK, lambda _: AssertionError()):
            command = [sys.executable, "-m", "launcher", "--root", str(mixed.place.workspace.root), "status"]
            with subprocess.Popen(command, cwd=mixed.root, env=environ(), stderr=subprocess.DEVNULL) as child:
                with pytest.raises(subprocess.TimeoutExpired):
                    child.wait(2.0)
                assert "brand_new" in (mixed.root / "launcher/cli.py").read_text(encoding="utf-8")
                unfinished.mend(mixed.root)
                child.kill()

    @staticmethod
    def called(copy: Copy, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *words], cwd=copy.root, env={**environ(), "LANG": "C.UTF-8"},
                              capture_output=True, text=True, encoding="utf-8", check=False)  # fmt: skip


def test_what_lies_in_the_way_is_said_before_anything_is_moved(plain: Copy, tmp_path: Path) -> None:
    write(plain.root, {"launcher/later.py/mine": "mine", "lib": "mine"})
    before = plain.files()
    newer = zipped(tmp_path / "3.zip", {**tree("0.3.0"), "launcher/later.py": "3", "lib/a.py": "3"})
    with pytest.raises(LauncherError, match="update-changed-files") as failure:
        updated(plain, Wish(archive=str(newer)))
    assert "launcher/later.py, lib" in str(failure.value.message)
    assert plain.files() == before
    assert not list(plain.place.folder.glob("before-*"))
    assert under_way(plain.root) is None


def test_that_the_version_before_is_back_is_said_where_it_is(
    plain: Copy, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plain.files()

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    real = update_copy.place
    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "place", full)
        patch.setattr(update_copy, "place",
                      lambda one, two: full(one, two) if two.name == "bootstrap.py" and "files" not in two.parts
                      else real(one, two))  # fmt: skip
        with pytest.raises(LauncherError, match="update-not-moved") as failure:
            updated(plain, Wish(archive=str(archive)))
    assert "Files of both versions lie here now" in str(failure.value.hint)
    assert plain.files() != before
    assert unfinished.mend(plain.root)
    assert plain.files() == before


def test_a_link_comes_back_as_a_link(plain: Copy, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.sh").write_text("precious")
    (plain.root / "launcher/__main__.py").unlink()
    (plain.root / "launcher/__main__.py").symlink_to(tmp_path / "mine.sh")
    updated(plain, Wish(archive=str(archive)))
    assert not (plain.root / "launcher/__main__.py").is_symlink()
    through(go_back(plain.place))
    assert (plain.root / "launcher/__main__.py").readlink() == tmp_path / "mine.sh"
    assert (tmp_path / "mine.sh").read_text() == "precious"
