"""Environments broken for real, mended by building them again beside, used, and gone back from."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

import pytest

from launcher.core.environments.environments import current, named, packages_of, read_stamp, switch
from launcher.core.environments.freeze import differing
from launcher.core.errors import LauncherError
from launcher.core.install.install import install
from launcher.core.mends import journal
from launcher.core.mends.rebuild_environment import plan_of
from launcher.core.plan.plan import with_torch
from launcher.core.process import python_in
from tests.launcher.core_act.workshop import PROOF, from_wheel, wheel, with_fake_engine
from tests.launcher.mends.mending import exhaust
from tests.launcher.mends.shop import Shop, run, torch_wheel


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    return Shop(tmp_path, monkeypatch)


def shown(shop: Shop, name: str) -> list[tuple[str, str | None, str | None]]:
    preview = journal.preview(shop.here, name, {})
    assert preview is not None
    return [(str(each.what), each.before, each.after) for each in preview.changes]


def mended(shop: Shop, name: str):
    _, found = exhaust(journal.mend(shop.here, name, {}))
    assert found.still is None, str(found.still)
    return found.number


def test_a_module_that_is_broken_can_be_imported_again_and_was_not_touched_in_its_place(shop: Shop) -> None:
    old = shop.install()
    with (shop.site(old) / "tiny" / "__init__.py").open("a") as file:
        file.write("import nowhere_to_be_found\n")
    assert run(old, "import tiny").returncode
    assert shown(shop, "rebuild-environment") == [("the current environment", old.name, f"{old.name[:-1]}2")]
    number = mended(shop, "rebuild-environment")
    assert shop.current.name == f"{old.name[:-1]}2"
    assert run(shop.current, "import tiny, torch, other").returncode == 0
    exhaust(journal.undo(shop.here, number))
    assert shop.current == old
    assert run(old, "import tiny").returncode


def test_one_whose_python_is_gone_works_again(shop: Shop) -> None:
    old = shop.install()
    python_in(old).unlink()
    number = mended(shop, "rebuild-environment")
    assert run(shop.current, "import tiny, torch").returncode == 0
    exhaust(journal.undo(shop.here, number))

    assert (named(shop.workspace), current(shop.workspace)) == (old, None), "as broken as it was"


def test_what_nobody_knows_the_making_of_is_made_as_gesso_wants_it(shop: Shop) -> None:
    old = shop.install()
    (old / "recipe.json").write_text("{")
    (shop.site(old) / "torch" / "__init__.py").unlink()
    preview = journal.preview(shop.here, "rebuild-environment", {})
    assert "not known" in str(preview.remark)
    mended(shop, "rebuild-environment")
    assert shop.current != old
    assert run(shop.current, "import tiny; print(__import__('torch').__version__)").stdout.strip() == shop.build


def test_an_undo_after_another_switch_changes_nothing(shop: Shop) -> None:
    old = shop.install()
    number = mended(shop, "rebuild-environment")
    third = with_fake_engine(shop.workspace, "mine")
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.undo(shop.here, number))
    assert refused.value.code == "mend-changed-since"
    assert shop.current == third
    switch(shop.workspace, shop.workspace.environments / f"{old.name[:-1]}2")
    exhaust(journal.undo(shop.here, number))
    assert shop.current == old


def test_there_is_no_way_back_to_what_is_gone(shop: Shop) -> None:
    old = shop.install()
    number = mended(shop, "rebuild-environment")
    new = shop.current
    shutil.rmtree(old)
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.undo(shop.here, number))
    assert refused.value.code == "no-previous-environment"
    assert shop.current == new


def test_a_python_of_the_users_own_is_not_touched(shop: Shop, tmp_path) -> None:
    """VENV_DIR: packages there would be replaced, and nobody could take that back."""
    place = tmp_path / "theirs"
    theirs = {**shop.environ, "PYTHON": sys.executable, "VENV_DIR": str(place)}
    here = replace(shop.here, environ=theirs)
    list(install(plan_of(here), shop.workspace, environ=theirs, lock=shop.lock, proof=PROOF))
    shutil.rmtree(shop.site(shop.current) / "tiny")
    for name in ("rebuild-environment", "restore-pins", "right-torch"):
        with pytest.raises(LauncherError) as refused:
            journal.preview(here, name, {})
        assert refused.value.code == "environment-outside"
    with_fake_engine(shop.workspace, "inside")
    with pytest.raises(LauncherError, match="environment-outside"):
        journal.preview(here, "right-torch", {})


def test_where_there_is_no_environment_there_is_none_to_build_again(shop: Shop) -> None:
    for name in ("rebuild-environment", "restore-pins", "right-torch"):
        assert journal.preview(shop.here, name, {}) is None


def test_packages_that_an_add_on_has_replaced_are_as_the_lock_says_again(shop: Shop, tmp_path) -> None:
    old = shop.install()
    assert journal.preview(shop.here, "restore-pins", {}) is None
    newer, foreign = (
        wheel(tmp_path / "theirs", "tiny", "2.0", text="another"),
        wheel(tmp_path / "theirs", "add_on", "0.1"),
    )
    shop.pip(old, "install", "--no-index", "--no-deps", str(newer), str(foreign))
    shop.pip(old, "uninstall", "other")
    assert run(old, "import tiny, other; assert tiny.__version__ == '1.0'").returncode
    assert shown(shop, "restore-pins") == [
        ("the current environment", old.name, f"{old.name[:-1]}2"),
        ("the package other", None, "3.1"),
        ("the package tiny", "2.0", "1.0"),
        ("the package add-on", "0.1", None),
    ]
    number = mended(shop, "restore-pins")
    assert run(shop.current, "import tiny, other; assert tiny.__version__ == '1.0'").returncode == 0
    assert differing(shop.current) == ()
    exhaust(journal.undo(shop.here, number))
    assert shop.current == old
    assert ("tiny", "2.0") in {(each.name, each.version) for each in packages_of(old)}


def test_a_torch_that_does_not_fit_gets_the_right_one_beside_it(shop: Shop, tmp_path, monkeypatch) -> None:
    """The environment was made when the plan wanted another: before the card, the driver or Gesso changed."""
    wrong = torch_wheel(tmp_path / "old", "2.0.1+cpu")
    plan = with_torch(plan_of(shop.here), from_wheel(wrong))
    list(install(plan, shop.workspace, environ=shop.environ, lock=shop.lock, proof=PROOF))
    old = shop.current
    assert read_stamp(old).torch == "2.0.1+cpu"
    changes = shown(shop, "right-torch")
    assert changes[0] == ("PyTorch", "2.0.1+cpu", shop.build)
    number = mended(shop, "right-torch")
    assert changes[1] == ("the current environment", old.name, shop.current.name)
    assert run(shop.current, "print(__import__('torch').__version__)").stdout.strip() == shop.build
    assert journal.preview(shop.here, "right-torch", {}) is None
    exhaust(journal.undo(shop.here, number))
    assert shop.current == old


def test_a_torch_that_an_add_on_has_replaced_is_put_right_beside_it(shop: Shop, tmp_path) -> None:
    old = shop.install()
    shop.pip(old, "install", "--no-index", "--no-deps", str(torch_wheel(tmp_path / "theirs", "2.9.9+cpu")))
    assert shown(shop, "right-torch")[0] == ("PyTorch", "2.9.9+cpu", shop.build)
    number = mended(shop, "right-torch")
    assert run(shop.current, "print(__import__('torch').__version__)").stdout.strip() == shop.build
    exhaust(journal.undo(shop.here, number))
    assert run(shop.current, "print(__import__('torch').__version__)").stdout.strip() == "2.9.9+cpu"
