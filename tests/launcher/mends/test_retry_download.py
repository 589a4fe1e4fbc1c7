"""A wheel that was damaged on the way: an install without network fails until the mend has fetched it again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.environments import current
from launcher.core.errors import LauncherError
from launcher.core.events import Notice
from launcher.core.install.install import Making, install
from launcher.core.install.package_sources import PackageSource
from launcher.core.install.wheelhouse import wheelhouse
from launcher.core.mends import journal, retry_download
from launcher.core.mends.mend import Here
from launcher.core.mends.rebuild_environment import plan_of
from launcher.core.plan.plan import with_torch
from tests.launcher.core_act.workshop import PROOF, index, index_pages, lock_of, wheel
from tests.launcher.mends.mending import exhaust
from tests.launcher.mends.shop import Shop, run


class Market(Shop):
    """As Shop, but the packages come from an index."""

    def __init__(self, tmp_path: Path, monkeypatch, url: str) -> None:
        super().__init__(tmp_path, monkeypatch)
        for each in ("tiny", "other"):
            for file in self.links.glob(f"{each}-*.whl"):
                file.unlink()
        # two wheels that were written in different seconds are different files
        lock_of(self.lock, *sorted((tmp_path / "pages").glob("*/*.whl")))
        del self.environ["PIP_NO_INDEX"]
        self.environ["PIP_INDEX_URL"] = url
        self.house = wheelhouse(self.workspace)

    def build_again(self, *, unpacked: bool = False) -> None:
        """The same once more, without network; unless `unpacked`, uv has unpacked nothing of it yet."""
        if not unpacked:
            shutil.rmtree(self.workspace.cache / "uv")
        environ = {**self.environ, "PIP_INDEX_URL": "http://127.0.0.1:9"}
        plan = plan_of(Here(self.workspace, environ))
        making = Making(anew=True)
        again = with_torch(plan, plan.torch)
        list(install(again, self.workspace, environ=environ, lock=self.lock, proof=PROOF, making=making))


@pytest.fixture
def market(tmp_path: Path, monkeypatch) -> Iterator[Market]:
    for name, version in (("tiny", "1.0"), ("other", "3.1")):
        wheel(tmp_path / "pages" / name, name, version)
    with index_pages(tmp_path / "pages") as url:
        yield Market(tmp_path, monkeypatch, url)


def test_an_install_without_network_works_again(market: Market) -> None:
    market.install()
    bad = market.house / "tiny-1.0-py3-none-any.whl"
    whole = bad.read_bytes()
    market.build_again()
    assert journal.preview(market.here, "retry-download", {}) is None
    bad.write_bytes(whole[: len(whole) // 2])
    before = current(market.workspace)
    with pytest.raises(LauncherError):
        market.build_again()
    assert current(market.workspace) == before
    shown = journal.preview(market.here, "retry-download", {})
    assert [each.before for each in shown.changes if each.before.endswith(".whl")] == [f"cache/wheels/{bad.name}"]
    _, mended = exhaust(journal.mend(market.here, "retry-download", {}))
    assert mended.still is None
    assert bad.read_bytes() == whole
    market.build_again()
    assert current(market.workspace) != before
    exhaust(journal.undo(market.here, mended.number))
    assert bad.read_bytes() == whole[: len(whole) // 2]


def test_where_nothing_better_comes_it_stays_as_it_was(market: Market) -> None:
    market.install()
    bad = market.house / "tiny-1.0-py3-none-any.whl"
    bad.write_bytes(b"half")
    away = replace(market.here, environ={**market.environ, "PIP_INDEX_URL": "http://127.0.0.1:9"})
    with pytest.raises(LauncherError):
        exhaust(journal.mend(away, "retry-download", {}))
    assert bad.read_bytes() == b"half"
    assert journal.done(market.here) == ()


def test_what_uv_has_unpacked_of_the_package_that_a_log_names_is_unpacked_anew(market: Market) -> None:
    """uv believes what it has unpacked: damaged there, it is damaged in every new environment."""
    market.install()
    (unpacked,) = (market.workspace.cache / "uv").glob("archive-v*/*/tiny/__init__.py")
    unpacked.write_text("import nowhere_to_be_found")
    market.build_again(unpacked=True)
    assert run(market.current, "import tiny").returncode
    names = {"file": "C:\\temp\\Tiny-1.0-py3-none-any.whl"}
    shown = journal.preview(market.here, "retry-download", names)
    places = [market.workspace.root / str(each.before) for each in shown.changes]
    _, mended = exhaust(journal.mend(market.here, "retry-download", names))
    assert not any(each.exists() for each in places)
    market.build_again(unpacked=True)
    assert run(market.current, "import tiny").returncode == 0
    assert journal.preview(market.here, "retry-download", {"package": "unheard-of"}) is None
    for each in places:
        shutil.rmtree(each, ignore_errors=True)
    exhaust(journal.undo(market.here, mended.number))
    assert places
    assert all(each.is_dir() for each in places)


def test_a_source_that_sends_half_of_it_again_is_left_for_another(market: Market, tmp_path: Path, monkeypatch) -> None:
    market.install()
    bad = market.house / "tiny-1.0-py3-none-any.whl"
    whole = bad.read_bytes()
    shutil.rmtree(market.workspace.cache / "uv")
    bad.write_bytes(whole[:-9])
    good, half = tmp_path / "good", tmp_path / "half"
    for folder, content in ((good, whole), (half, whole[:-9])):
        (folder / "tiny").mkdir(parents=True)
        (folder / bad.name).write_bytes(content)
        link = f'<a href="../{bad.name}#sha256={hashlib.sha256(whole).hexdigest()}">{bad.name}</a>'
        (folder / "tiny" / "index.html").write_text(f"<!DOCTYPE html><html><body>{link}</body></html>")
    with index(half) as first, index(good) as second:

        def sources(_: object) -> tuple[PackageSource, ...]:
            urls = {"half": first, "good": second}
            return tuple(
                PackageSource(name, name, ("--no-config",), {"UV_DEFAULT_INDEX": url}, url, "flat")
                for name, url in urls.items()
            )

        monkeypatch.setattr(retry_download, "package_sources", sources)
        monkeypatch.setattr("launcher.core.install.packages.measured", lambda *given: _as_given(given[2]))
        events, mended = exhaust(journal.mend(market.here, "retry-download", {}))
    assert mended.still is None
    assert bad.read_bytes() == whole
    assert [each.slug for each in events if isinstance(each, Notice)][-2:] == ["download-wrong-bytes", "set-aside"]


def _as_given(sources):
    yield from ()
    return sources


def test_before_there_is_an_environment_the_next_install_fetches_it(market: Market) -> None:
    market.install()
    bad = market.house / "tiny-1.0-py3-none-any.whl"
    bad.write_bytes(b"half")
    shutil.rmtree(market.workspace.environments)
    exhaust(journal.mend(market.here, "retry-download", {}))
    assert not bad.exists()
    shutil.rmtree(market.workspace.cache / "uv")
    market.install()
    assert run(market.current, "import tiny").returncode == 0
