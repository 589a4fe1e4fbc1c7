"""A copy without git: another version from an archive, file by file, and back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Notice
from launcher.core.file_hash import sha256
from launcher.core.network.mirror_choice import Choice
from launcher.core.network.mirrors import Mirror
from launcher.core.text import t
from launcher.core.update import copy as update_copy
from launcher.core.update import find as update_find
from launcher.core.update.archive import references
from launcher.core.update.find import Update, Wish
from launcher.core.update.memory import recall, under_way
from launcher.core.update.releases import read_tags
from launcher.core.update.update import carry_out, find_update, go_back
from tests.fakes.fault_server import FaultServer
from tests.launcher.update.conftest import Copy, Upstream, git, through, tree, updated, write, zipped

NEW = {**tree("0.2.0"), "launcher/new file.py": "new"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return zipped(tmp_path / "新 0.2.0.zip", NEW)


def test_there_and_back(plain: Copy, archive: Path) -> None:
    write(plain.root, {"workspace/models/x": "model", "my notes.txt": "mine", "launcher/old.py": "of 0.0"})
    before = plain.files()
    wish = Wish(archive=str(archive))
    found = through(find_update(plain.place, wish))
    assert (found.present, found.version) == ("0.1.0", "0.2.0")
    assert set(found.changes.files) == {"docs/说明 (v).md", "launcher/__main__.py", "launcher/bootstrap.py",
                                        "launcher/new file.py", "pyproject.toml"}  # fmt: skip
    assert plain.files() == before
    seen = updated(plain, wish)
    assert plain.version == "0.2.0"
    assert "unverified" in [each.slug for each in seen if isinstance(each, Notice)]
    assert (plain.root / "workspace/models/x").read_text() == "model"
    assert (plain.root / "my notes.txt").read_text() == "mine"
    assert through(go_back(plain.place)) == "0.1.0"
    assert plain.files() == before
    with pytest.raises(LauncherError, match="update-nothing-before"):
        through(go_back(plain.place))


def test_from_the_second_time_on_it_knows_its_files(plain: Copy, archive: Path, tmp_path: Path) -> None:
    updated(plain, Wish(archive=str(archive)))
    third = {name: text for name, text in tree("0.3.0").items() if name != "runtime/other.py"}
    newer = Wish(archive=str(zipped(tmp_path / "3.zip", third)))
    (plain.root / "install.sh").write_text("mine")
    with pytest.raises(LauncherError, match="update-changed-files") as failure:
        updated(plain, newer)
    assert "install.sh" in str(failure.value.message)
    assert plain.version == "0.2.0"
    write(plain.root, {"install.sh": NEW["install.sh"]})
    updated(plain, newer)
    assert plain.version == "0.3.0"
    assert not (plain.root / "launcher/new file.py").exists(), "0.2.0 brought it and 0.3.0 has it no longer"
    through(go_back(plain.place))
    assert plain.version == "0.2.0"
    assert (plain.root / "launcher/new file.py").read_text() == "new"


def test_the_way_back_loses_no_edits(plain: Copy, archive: Path) -> None:
    write(plain.root, {"launcher/new file.py": "the user's own"})
    seen = updated(plain, Wish(archive=str(archive)))
    warned = next(str(each.text) for each in seen if isinstance(each, Notice) and each.slug == "update-replaces")
    assert "launcher/new file.py" in warned
    assert "runtime/__main__.py" not in warned, "it is the same in both"
    write(plain.root, {"launcher/new file.py": "edited", "install.sh": "edited"})
    with pytest.raises(LauncherError, match="update-changed-files") as failure:
        through(go_back(plain.place))
    assert "install.sh, launcher/new file.py" in str(failure.value.message)
    assert (plain.version, (plain.root / "install.sh").read_text()) == ("0.2.0", "edited")
    (plain.root / "install.sh").unlink()
    write(plain.root, {"launcher/new file.py": "new"})
    assert through(go_back(plain.place)) == "0.1.0"
    assert (plain.root / "launcher/new file.py").read_text() == "the user's own"


def test_what_may_be_the_users_is_kept_for_good(plain: Copy, archive: Path, tmp_path: Path) -> None:
    write(plain.root, {"install.sh": "mine"})
    updated(plain, Wish(archive=str(archive)))
    for version in ("0.3.0", "0.4.0"):
        updated(plain, Wish(archive=str(zipped(tmp_path / f"{version}.zip", tree(version)))))
    kept = list(plain.place.folder.glob("before-*"))
    assert len(kept) == 2, "the first version's, and that of the way back"
    assert "mine" in [file.read_text() for folder in kept for file in folder.glob("files/install.sh")]
    assert through(go_back(plain.place)) == "0.3.0"


def test_a_file_of_the_users_where_a_new_one_would_lie(plain: Copy, archive: Path, tmp_path: Path) -> None:
    updated(plain, Wish(archive=str(archive)))
    write(plain.root, {"launcher/later.py": "mine"})
    newer = zipped(tmp_path / "3.zip", {**tree("0.3.0"), "launcher/later.py": "theirs"})
    with pytest.raises(LauncherError, match="update-changed-files") as failure:
        updated(plain, Wish(archive=str(newer)))
    assert "launcher/later.py" in str(failure.value.message)
    assert (plain.version, (plain.root / "launcher/later.py").read_text()) == ("0.2.0", "mine")


def test_edited_between_a_kill_and_the_next_run(plain: Copy, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = through(find_update(plain.place, Wish(archive=str(archive))))
    before = plain.files()
    killed_at(monkeypatch, plain, found, 6)
    assert under_way(plain.root) is not None
    write(plain.root, {"docs/说明 (v).md": "edited"})
    through(find_update(plain.place, Wish(archive=str(archive))))
    assert plain.files() == {**before, "docs/说明 (v).md": b"edited"}, "all but the user's own is as it was"


def test_a_hash_that_was_published_counts(plain: Copy, archive: Path) -> None:
    with pytest.raises(LauncherError, match="hash-mismatch"):
        updated(plain, Wish(archive=str(archive), sha256="0" * 64))
    seen = updated(plain, Wish(archive=str(archive), sha256=sha256(archive).upper()))
    assert plain.version == "0.2.0"
    assert "unverified" not in [each.slug for each in seen if isinstance(each, Notice)]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"readme": "no Gesso"}, "update-incomplete"),
        ({**NEW, "pyproject.toml": '[project]\nname = "other"\nversion = "1"\n'}, "not-gesso"),
        ({**NEW, "launcher/__main__.py": "raise SystemExit(3)\n"}, "update-does-not-start"),
    ],
)
def test_an_archive_of_something_else(plain: Copy, tmp_path: Path, files: dict[str, str], code: str) -> None:
    before = plain.files()
    with pytest.raises(LauncherError, match=code):
        updated(plain, Wish(archive=str(zipped(tmp_path / "x.zip", files))))
    assert plain.files() == before


def test_no_such_archive_and_none_known(plain: Copy, tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="no-such-file"):
        updated(plain, Wish(archive=str(tmp_path / "none.zip")))
    with pytest.raises(LauncherError, match="update-no-source") as failure:
        updated(plain)
    assert "--from" in str(failure.value.hint)


def test_a_clone_takes_no_archive(cloned: Copy, archive: Path) -> None:
    with pytest.raises(LauncherError, match="update-from-clone"):
        updated(cloned, Wish(archive=str(archive)))


def test_an_archive_that_tries_to_reach_the_users_files(plain: Copy, tmp_path: Path) -> None:
    write(plain.root, {"workspace/config.toml": "mine", ".launcher/stamp.json": "mine"})
    files = {**NEW, "workspace/config.toml": "theirs", ".launcher/stamp.json": "theirs"}
    updated(plain, Wish(archive=str(zipped(tmp_path / "x.zip", files))))
    assert plain.version == "0.2.0"
    assert (plain.root / "workspace/config.toml").read_text() == "mine"
    assert (plain.root / ".launcher/stamp.json").read_text() == "mine"


def test_nothing_is_written_through_a_link(plain: Copy, archive: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (plain.root / "docs").rename(elsewhere)
    (plain.root / "docs").symlink_to(elsewhere)
    with pytest.raises(LauncherError, match="update-link"):
        updated(plain, Wish(archive=str(archive)))
    assert (elsewhere / "说明 (v).md").read_text() == "0.1.0"


def killed_at(monkeypatch: pytest.MonkeyPatch, copy: Copy, found: Update, moment: int) -> None:
    """The update ends when so many files have been kept or replaced."""
    real, calls = update_copy.place, 0

    def killed(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls > moment:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(update_copy, "place", killed)
        with pytest.raises(KeyboardInterrupt):
            through(carry_out(copy.place, found))


@pytest.mark.parametrize("moment", range(9))
def test_killed_in_the_middle_the_version_before_is_put_back_first(
    plain: Copy, archive: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    before = plain.files()
    killed_at(monkeypatch, plain, through(find_update(plain.place, Wish(archive=str(archive)))), moment)
    assert (under_way(plain.root) is not None) == (moment > 3), "four files are kept, then five are replaced"
    found = through(find_update(plain.place, Wish(archive=str(archive))))
    assert plain.files() == before
    through(carry_out(plain.place, found))
    assert plain.version == "0.2.0"
    assert through(go_back(plain.place)) == "0.1.0"
    assert plain.files() == before


def test_a_file_that_cannot_be_replaced_puts_the_version_before_back(
    plain: Copy, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plain.files()
    real, calls = Path.replace, 0

    def full(self: Path, target: Path) -> Path:
        nonlocal calls
        if self.name.endswith(".gesso-new"):
            calls += 1
            if calls == 4:
                raise OSError(28, "No space left on device")
        return Path(real(self, target))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(LauncherError, match="update-not-moved") as failure:
            updated(plain, Wish(archive=str(archive)))
    assert "No space left" in str(failure.value.message)
    assert plain.files() == before


class TestOverTheNetwork:
    """A host that answers as git's hosts do: the list of references, and archives of tags."""

    @pytest.fixture
    def host(self, upstream: Upstream, tmp_path: Path) -> Iterator[FaultServer]:
        folder = tmp_path / "host" / "gesso"
        (folder / "archive/refs/tags").mkdir(parents=True)
        info = tmp_path / "host" / "gesso.git" / "info"
        info.mkdir(parents=True)
        for tag in ("v0.1.0", "v0.2.0"):
            upstream.zip(folder / f"archive/refs/tags/{tag}.zip", tag)
        said = subprocess.run(
            ["git", "upload-pack", "--http-backend-info-refs", str(upstream.folder)], capture_output=True, check=True
        )
        (info / "refs").write_bytes(b"001e# service=git-upload-pack\n0000" + said.stdout)
        with FaultServer(tmp_path / "host") as server:
            yield server

    @pytest.fixture
    def asked(self, plain: Copy, host: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Copy:
        more = '\n[project.urls]\nRepository = "https://github.com/someone/gesso"\n'
        write(plain.root, tree("0.1.0", more=more))
        self.choose(monkeypatch, host, "ok")
        return plain

    @staticmethod
    def choose(monkeypatch: pytest.MonkeyPatch, host: FaultServer, *modes: str, trusted: bool = True) -> None:
        """Places of these modes, the first official or chosen by name."""

        class Here(Mirror):
            def rewritten(self, official_url: str) -> str | None:
                assert self.url is not None
                return self.url + official_url.removeprefix("https://github.com/someone/")

        mirrors = tuple(Here(f"{mode}-{number}", f"{mode}-{number}", None, url=host.url(mode, ""), style="endpoint")
                        for number, mode in enumerate(modes))  # fmt: skip
        choice = Choice("github", mirrors, "settings" if trusted else "measured", t("You chose it."))
        monkeypatch.setattr(update_find, "chosen", lambda *_: choice)
        monkeypatch.setattr(update_find, "look_around", lambda *_: None)

    def test_the_newest_release_is_found_fetched_and_put_to_use(self, asked: Copy, upstream: Upstream) -> None:
        found = through(find_update(asked.place))
        assert (found.version, found.commit) == ("0.2.0", git(upstream.folder, "rev-parse", "v0.2.0^{commit}"))
        updated(asked)
        assert asked.version == "0.2.0"
        assert recall(asked.root) is not None

    def test_two_places_must_give_the_same_bytes(
        self, asked: Copy, host: FaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.choose(monkeypatch, host, "ok", "ok", trusted=False)
        updated(asked)
        assert asked.version == "0.2.0"

    def test_one_alone_is_not_enough(self, asked: Copy, host: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.choose(monkeypatch, host, "ok", "404", trusted=False)
        with pytest.raises(LauncherError, match="update-unconfirmed"):
            updated(asked)
        assert asked.version == "0.1.0"

    @pytest.mark.parametrize("mode", ["404", "403", "html", "empty", "wrong-bytes", "truncated", "other-file"])
    def test_a_place_that_fails_ends_in_a_sentence(
        self, asked: Copy, host: FaultServer, monkeypatch: pytest.MonkeyPatch, mode: str
    ) -> None:
        self.choose(monkeypatch, host, mode)
        before = asked.files()
        with pytest.raises(LauncherError) as failure:
            updated(asked)
        assert failure.value.code in ("no-network", "bad-archive", "update-no-releases"), failure.value
        assert asked.files() == before

    def test_an_archive_of_another_commit(self, asked: Copy, upstream: Upstream, tmp_path: Path) -> None:
        upstream.zip(tmp_path / "host/gesso/archive/refs/tags/v0.2.0.zip", "v0.1.0")
        with pytest.raises(LauncherError, match="bad-archive"):
            updated(asked)


def test_lists_of_references_as_hosts_send_them() -> None:
    hashes = ["1" * 40, "2" * 40, "3" * 40]
    lines = [
        f"{hashes[0]} HEAD\0multi_ack side-band-64k\n", f"{hashes[0]} refs/heads/main\n",
        f"{hashes[1]} refs/tags/v0.1.0\n", f"{hashes[2]} refs/tags/v0.1.0^{{}}\n", f"{hashes[1]} refs/tags/nightly\n",
        "nonsense refs/tags/v9.0\n",
    ]  # fmt: skip
    answer = b"001e# service=git-upload-pack\n0000" + b"".join(f"{len(s) + 4:04x}{s}".encode() for s in lines) + b"0000"
    found = read_tags(references(answer))
    assert {tag: each.commit for tag, each in found.items()} == {"v0.1.0": hashes[2]}
    for broken in (b"", b"<!DOCTYPE html>", b"zzzz", b"ffff", b"0005", b"0000" * 9, b"0001" * 3):
        assert read_tags(references(broken)) == {}
