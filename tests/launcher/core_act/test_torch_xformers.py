"""xFormers beside torch: from the same index and pinned, gone without where it is not to be had, repaired as it was."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.environments import current, finished, installed, site_of
from launcher.core.environments.recipes import read_recipe
from launcher.core.environments.unproven import unproven
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.install.install import install
from launcher.core.install.repair import plan_again, rebuild
from launcher.core.pack import making as pack_making
from launcher.core.pack.making import Wish, make_pack
from launcher.core.paths import Workspace
from launcher.core.plan.plan import Plan
from launcher.core.settings import change_setting
from tests.launcher.core_act.workshop import (
    MACHINE,
    PROOF,
    from_index,
    from_wheel,
    index,
    lock_of,
    plan_with,
    sha256,
    wheel,
)

TORCH, XFORMERS = "2.13.99", "0.0.99"


class Shop:
    """torch and, on another shelf of the same index, xFormers; the user's own folder has other files of that name."""

    def __init__(self, tmp_path: Path, workspace: Workspace, environ: dict[str, str], url: str) -> None:
        self.workspace, self.url = workspace, url
        self.pages, links = tmp_path / "pages", tmp_path / "links"
        self.torch = wheel(self.pages / "torch", "torch", TORCH)
        wheel(links, "xformers", XFORMERS, text="the user's own")
        self.tiny = wheel(links, "tiny", "1.0")
        self.lock = lock_of(tmp_path / "engine.txt", self.tiny)
        self.environ = {**environ, "PIP_FIND_LINKS": str(links), "PIP_NO_INDEX": "1"}
        # no mirror on the network is to be measured for a test's torch
        change_setting(workspace, "mirrors.torch", "official")

    def offer(self, *, needs: str = TORCH, text: str = "") -> Path:
        return wheel(self.pages / "xformers", "xformers", XFORMERS, needs=(f"torch=={needs}",), text=text)

    def plan(self, *, asked: bool = True) -> Plan:
        choice = replace(from_index(self.url, TORCH), xformers=XFORMERS, with_xformers=asked, driver="580.95")
        return plan_with(choice)

    def install(self, *, asked: bool = True) -> list[Event]:
        plan = self.plan(asked=asked)
        return list(install(plan, self.workspace, environ=self.environ, lock=self.lock, proof=PROOF))

    def forget(self, tmp_path: Path) -> None:
        """Nothing that was fetched lies here any more."""
        self.environ["UV_CACHE_DIR"] = str(tmp_path / "cold")
        for folder in self.workspace.root.glob("cache/wheels/*"):
            folder.unlink()

    @property
    def pins(self) -> dict[str, list[str]]:
        (found,) = json.loads((self.workspace.state / "pins.json").read_text()).values()
        return dict(found)

    @property
    def current(self) -> Path:
        folder = current(self.workspace)
        assert folder is not None
        return folder


@pytest.fixture
def shop(tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> Iterator[Shop]:
    (tmp_path / "pages").mkdir()
    with index(tmp_path / "pages") as url:
        yield Shop(tmp_path, workspace, environ, url)


def notices(events: list[Event]) -> dict[str, str]:
    return {event.slug: str(event.text) for event in events if isinstance(event, Notice)}


def test_it_comes_from_torchs_index_and_its_hash_is_kept(shop: Shop) -> None:
    theirs = shop.offer()
    shop.install()
    assert installed(shop.workspace).xformers == XFORMERS
    site = site_of(shop.current)
    assert site is not None
    assert "the user's own" not in (site / "xformers/__init__.py").read_text()
    assert shop.pins == {f"torch=={TORCH}": [sha256(shop.torch)], f"xformers=={XFORMERS}": [sha256(theirs)]}
    recipe = read_recipe(shop.current)
    assert recipe is not None
    assert recipe.xformers == XFORMERS
    assert f"xformers=={XFORMERS}" in (shop.current / "constraints.txt").read_text().splitlines()


def test_beside_a_wheel_on_this_computer_it_comes_from_the_cards_index(shop: Shop) -> None:
    shop.offer()
    choice = replace(from_wheel(shop.torch), index=shop.url, xformers=XFORMERS, with_xformers=True)
    list(install(plan_with(choice), shop.workspace, environ=shop.environ, lock=shop.lock, proof=PROOF))
    assert (installed(shop.workspace).torch, installed(shop.workspace).xformers) == (TORCH, XFORMERS)
    assert sorted(shop.pins) == [shop.torch.name, f"xformers=={XFORMERS}"]


def only_sources(shop: Shop) -> None:
    """Whose build would leave a trace."""
    shelf, inside = shop.pages / "xformers", f"xformers-{XFORMERS}"
    shelf.mkdir()
    (shelf / "backend.py").write_text(f"open({str(shelf / 'built')!r}, 'w')")
    (shelf / "pyproject.toml").write_text(
        f'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "xformers"\nversion = "{XFORMERS}"\ndynamic = ["dependencies"]\n'
    )
    (shelf / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: xformers\nVersion: {XFORMERS}\n")
    with tarfile.open(shelf / f"{inside}.tar.gz", "w:gz") as archive:
        for name in ("backend.py", "pyproject.toml", "PKG-INFO"):
            archive.add(shelf / name, f"{inside}/{name}")


def only_for_another_torch(shop: Shop) -> None:
    shop.offer(needs="1.13.1")


@pytest.mark.parametrize("offer", [lambda shop: None, only_sources, only_for_another_torch])
def test_where_it_is_not_to_be_had_torch_is_installed_alone_and_that_is_kept(shop: Shop, offer) -> None:  # type: ignore[no-untyped-def]
    offer(shop)
    said = notices(shop.install())["xformers-not-installed"]
    assert f"without xFormers {XFORMERS}" in said
    assert unproven(shop.workspace, "580.95") == (f"xformers {XFORMERS} for {TORCH}",)
    assert unproven(shop.workspace, "590.10") == ()
    assert (installed(shop.workspace).torch, installed(shop.workspace).xformers) == (TORCH, None)
    assert list(shop.pins) == [f"torch=={TORCH}"]
    assert finished(shop.workspace) == [shop.current]
    assert not (shop.pages / "xformers" / "built").exists()


def test_an_index_that_does_not_answer_says_nothing_about_it(shop: Shop, tmp_path: Path) -> None:
    shop.install(asked=False)
    before = shop.current
    shop.url = "http://127.0.0.1:9/whl"
    with pytest.raises(LauncherError, match="no-network"):
        shop.install()
    assert unproven(shop.workspace, "580.95") == ()
    assert current(shop.workspace) == before


def test_one_without_it_is_not_switched_to_and_what_was_pinned_is_completed(shop: Shop) -> None:
    theirs = shop.offer()
    shop.install(asked=False)
    first, pinned = shop.current, shop.pins
    shop.install()
    assert installed(shop.workspace).xformers == XFORMERS
    assert sorted(finished(shop.workspace)) == sorted([first, shop.current])
    assert shop.pins == {**pinned, f"xformers=={XFORMERS}": [sha256(theirs)]}
    assert first != shop.current


def test_it_is_not_installed_unasked_and_stays_pinned(shop: Shop, tmp_path: Path) -> None:
    theirs = shop.offer()
    shop.install()
    shop.lock = lock_of(tmp_path / "other.txt", shop.tiny, wheel(shop.tiny.parent, "more", "1.0"))
    shop.install(asked=False)
    assert (installed(shop.workspace).torch, installed(shop.workspace).xformers) == (TORCH, None)
    assert shop.pins[f"xformers=={XFORMERS}"] == [sha256(theirs)]


def test_another_file_of_the_same_name_is_refused_the_second_time(shop: Shop, tmp_path: Path) -> None:
    shop.offer()
    shop.install()
    shop.offer(text="changed on the server")
    shop.lock = lock_of(tmp_path / "other.txt", shop.tiny, wheel(shop.tiny.parent, "more", "1.0"))
    shop.forget(tmp_path)
    with pytest.raises(LauncherError, match=r"hash-mismatch.*xformers"):
        shop.install()
    assert unproven(shop.workspace, "580.95") == ()


@pytest.mark.parametrize("asked", [False, True])
def test_repair_makes_it_again_as_it_was_whatever_is_asked_today(shop: Shop, asked: bool) -> None:
    shop.offer()
    shop.install(asked=not asked)
    folder = shop.current
    again = plan_again(folder, shop.plan(asked=asked))
    assert ("xFormers" in str(again.steps[1].title)) is not asked
    list(rebuild(shop.workspace, folder, shop.plan(asked=asked), environ=shop.environ, proof=PROOF))
    assert shop.current != folder
    assert installed(shop.workspace).xformers == (None if asked else XFORMERS)


def test_an_environment_of_another_torch_knows_its_xformers_by_its_recipe(shop: Shop, tmp_path: Path) -> None:
    shop.offer()
    shop.install()
    today = plan_with(from_wheel(wheel(tmp_path, "torch", "9.9.0")))
    torch = plan_again(shop.current, today).torch
    assert (torch.build, torch.xformers, torch.with_xformers) == (TORCH, XFORMERS, True)


def test_a_pack_holds_it(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.offer()
    shop.install()
    monkeypatch.setattr(pack_making, "LAUNCHER_LOCK", shop.lock)
    # no Python is fetched in a test
    monkeypatch.setattr(pack_making, "python_variables", lambda work: ())
    (tmp_path / "gesso").mkdir()
    wish = Wish(shop.current, tmp_path / "pack")
    plan = shop.plan(asked=False)
    list(make_pack(wish, shop.workspace, plan, MACHINE, environ=shop.environ, gesso=tmp_path / "gesso"))
    assert f"xformers-{XFORMERS}-py3-none-any.whl" in [each.name for each in (wish.target / "wheels").iterdir()]
