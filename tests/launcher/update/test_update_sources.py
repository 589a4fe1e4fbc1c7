"""Who is believed about a release, and who is asked when one place fails: a repository and mirrors of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.events import Notice
from launcher.core.paths import Workspace
from launcher.core.settings import change_setting
from launcher.core.update import find as update_find
from launcher.core.update import source as update_source
from launcher.core.update.find import Wish
from launcher.core.update.source import Source
from launcher.core.update.update import find_update
from tests.launcher.update.conftest import Copy, Upstream, git, refused, through, updated


class TestSeveralSources:
    """The official place and mirrors of it."""

    @pytest.fixture
    def mirrored(self, cloned: Copy, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> tuple[Copy, Path, Path]:
        """A clone, and the folders of two mirrors that hold what the official place holds."""
        folders = [upstream.folder.with_name(name) for name in ("mirror-a", "mirror-b")]
        for folder in folders:
            git(upstream.folder, "clone", "-q", "--bare", upstream.url, str(folder / upstream.folder.name))
        parent = upstream.folder.parent.as_uri() + "/"
        sources = (
            Source("official", "official", trusted=True),
            *(Source(f.name, f.name, f.as_uri() + "/", replaces=parent) for f in folders),
        )
        monkeypatch.setattr(update_find, "find_sources", lambda *_: sources)
        return cloned, folders[0] / upstream.folder.name, folders[1] / upstream.folder.name

    def test_when_the_official_one_fails_two_that_agree_do(
        self, mirrored: tuple[Copy, Path, Path], upstream: Upstream
    ) -> None:
        copy, _, _ = mirrored
        upstream.folder.rename(upstream.folder.with_name("gone"))
        seen = updated(copy)
        assert copy.version == "0.2.0"
        assert not [each for each in seen if isinstance(each, Notice)], "who did not answer is not asked for the files"

    def test_one_alone_is_not_believed_unless_the_user_says_so(
        self, mirrored: tuple[Copy, Path, Path], upstream: Upstream
    ) -> None:
        copy, _, other = mirrored
        upstream.folder.rename(upstream.folder.with_name("gone"))
        other.rename(other.with_name("away"))
        assert "mirror-a" in str(refused(copy, "update-unconfirmed").message)
        updated(copy, Wish(trust_mirror=True))
        assert copy.version == "0.2.0"

    def test_no_mirrors_word_is_taken_where_the_official_place_answers(
        self, mirrored: tuple[Copy, Path, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy, mirror, _ = mirrored
        git(mirror, "tag", "v9.0.0", "v0.1.0")
        official, liar, _ = update_find.find_sources("", copy.place.workspace, {})
        monkeypatch.setattr(update_find, "find_sources", lambda *_: (liar, official))
        assert through(find_update(copy.place, Wish(trust_mirror=True))).version == "0.2.0"

    def test_a_lying_mirror_is_passed_by(
        self, mirrored: tuple[Copy, Path, Path], upstream: Upstream, tmp_path: Path
    ) -> None:
        """It shows another commit under the newest tag; the official place names the right one."""
        copy, mirror, _ = mirrored
        git(mirror, "update-ref", "refs/tags/v0.2.0", git(mirror, "rev-parse", "v0.1.0^{commit}"))
        official, liar, honest = update_find.find_sources("", copy.place.workspace, {})
        sources = (liar, official, honest)
        update_find.find_sources = lambda *_: sources  # type: ignore[assignment]
        seen = updated(copy)
        assert copy.version == "0.2.0"
        assert "another commit" in str(next(each for each in seen if isinstance(each, Notice)).text)

    def test_two_that_differ_are_not_believed(self, mirrored: tuple[Copy, Path, Path], upstream: Upstream) -> None:
        copy, mirror, _ = mirrored
        upstream.folder.rename(upstream.folder.with_name("gone"))
        git(mirror, "update-ref", "refs/tags/v0.2.0", git(mirror, "rev-parse", "v0.1.0^{commit}"))
        refused(copy, "update-unconfirmed")

    def test_a_silent_one_is_given_up(self, mirrored: tuple[Copy, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        copy, _, _ = mirrored
        slow = replace(copy.place, environ={**copy.place.environ, "GIT_SSH_COMMAND": "sleep 60 #"})
        sources = (
            Source("silent", "x", "ssh://silent/", replaces="file://"),
            *update_find.find_sources("", copy.place.workspace, {}),
        )
        monkeypatch.setattr(update_find, "find_sources", lambda *_: sources)
        monkeypatch.setattr(update_source, "_PATIENCE", 0.4)
        assert through(find_update(slow)).version == "0.2.0"


def test_a_clone_from_github_is_asked_for_through_the_mirrors_of_this_copy(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    url = "https://github.com/someone/gesso.git"
    official, *mirrors = update_source.find_sources(url, workspace, environ)
    assert (official.name, official.trusted, official.settings()) == ("official", True, ())
    assert len({each.group for each in mirrors}) >= 2
    for each in mirrors:
        assert not each.trusted
        assert each.settings()[1].endswith("/https://github.com/.insteadOf=https://github.com/")
    change_setting(workspace, "mirrors.github", mirrors[0].name)
    (chosen,) = update_source.find_sources(url, workspace, environ)
    assert (chosen.name, chosen.trusted) == (mirrors[0].name, True)
    for secret in ("https://me:token@github.com/someone/gesso.git", "git@github.com:someone/gesso.git"):
        assert [each.base for each in update_source.find_sources(secret, workspace, environ)] == [None]
        assert "token" not in update_source.find_sources(secret, workspace, environ)[0].name
