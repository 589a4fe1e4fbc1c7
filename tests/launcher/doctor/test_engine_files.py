"""The engine's files against their packages' lists, and what interrupted installs leave."""

from __future__ import annotations

import time
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from launcher.core.doctor.engine import engine, leftovers, look_at, packages
from launcher.core.doctor.ground import Ground
from launcher.core.environments.environments import begin
from launcher.core.environments.recipes import LOCK, RECIPE, Recipe
from launcher.core.mends.mend import Here
from launcher.core.records import write_record
from tests.launcher.core_act.workshop import wheel, with_fake_engine


@pytest.fixture
def site(here: Here, tmp_path: Path) -> Path:
    """Two packages in the current environment."""
    folder = with_fake_engine(here.workspace)
    site = folder / "lib/python3.12/site-packages"
    for name in ("tiny", "other"):
        with zipfile.ZipFile(wheel(tmp_path / "links", name, "1.0")) as archive:
            archive.extractall(site)
    return site


def soon() -> float:
    return time.monotonic() + 20.0


def test_a_whole_engine_is_looked_at_file_by_file(site: Path, ground: Ground) -> None:
    looked = look_at(site, soon())
    assert (looked.sizes, looked.contents, looked.broken, looked.whole) == (6, 6, (), True)
    found = engine(ground)
    assert found.ok is True
    assert "All 6 files" in str(found.detail)


def test_a_missing_a_cut_and_a_changed_file(site: Path, ground: Ground) -> None:
    module = site / "tiny/__init__.py"
    text = module.read_text()
    module.write_text(text.replace("1.0", "9.9"))
    found = engine(ground)
    assert (found.ok, found.mend) == (False, "rebuild-environment")
    assert "tiny/__init__.py" in str(found.detail)
    module.write_text(text[:3])
    assert [each.what for each in look_at(site, soon()).broken] == ["changed"]
    module.unlink()
    (broken,) = look_at(site, soon()).broken
    assert (broken.package, broken.what) == ("tiny", "missing")


def test_a_list_that_a_crash_has_emptied(site: Path) -> None:
    (site / "tiny-1.0.dist-info/RECORD").write_bytes(b"")
    (site / "other-1.0.dist-info/RECORD").unlink()
    assert {each.what for each in look_at(site, soon()).broken} == {"unreadable", "missing"}


def test_without_time_it_says_how_much_was_looked_at(site: Path, ground: Ground) -> None:
    ground.until = time.monotonic() - 1.0
    found = engine(ground)
    assert found.ok is None
    assert "sizes of 0 files" in str(found.detail)
    looked = look_at(site, time.monotonic() - 1.0)
    assert (looked.sizes, looked.contents, looked.whole) == (0, 0, False)
    assert look_at(site, soon(), contents=-1.0).contents == 0


def test_no_engine_yet(ground: Ground) -> None:
    assert engine(ground).ok is None
    assert leftovers(ground).ok is True


def test_what_pip_and_a_killed_install_leave(site: Path, ground: Ground) -> None:
    assert leftovers(ground).ok is True
    (site / "~orch").mkdir()
    begin(ground.workspace.environments / "torch-2.13.0-cpu-2")
    found = leftovers(ground)
    assert (found.ok, found.mend) == (False, "remove-leftovers")
    assert "~orch" in str(found.detail)
    assert "torch-2.13.0-cpu-2" in str(found.detail)


def test_packages_that_an_add_on_has_changed(site: Path, ground: Ground) -> None:
    folder = site.parents[2]
    write_record(
        folder / RECIPE,
        asdict(Recipe("2.13.0", "2.13.0+cpu", "cpu", "here", None, None, {"torch==2.13.0+cpu": ("0",)})),
    )
    (folder / LOCK).write_text("tiny==1.0 \\\n    --hash=sha256:00\nother==1.0 \\\n    --hash=sha256:00\n")
    assert packages(ground).ok is True, "torch has a check of its own"
    (site / "tiny-1.0.dist-info").rename(site / "tiny-2.5.dist-info")
    found = packages(ground)
    assert (found.ok, found.mend) == (False, "restore-pins")
    assert "tiny is 2.5, and was 1.0" in str(found.detail)
    (site / "tiny-2.5.dist-info").rename(site / "elsewhere")
    assert "no longer there" in str(packages(ground).detail)
