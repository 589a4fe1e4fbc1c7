"""What a newer release of Gesso would change: asked for, fetched and laid out beside; the checkout stays as it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.version import Version

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.git_calls import Git
from launcher.core.network.mirror_choice import chosen, look_around
from launcher.core.network.mirrors import read_mirrors
from launcher.core.network.routes import Router, find_route, variables_for
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.paths import Workspace, checkout
from launcher.core.project import version_in
from launcher.core.settings import read_settings
from launcher.core.text import t
from launcher.core.update import archive as update_archive
from launcher.core.update import clone as update_clone
from launcher.core.update import copy as update_copy
from launcher.core.update.clone import Changes, Clone
from launcher.core.update.git_calls import find_git, for_address
from launcher.core.update.memory import files_of, recall
from launcher.core.update.proof import Rebuilds, check_whole, rebuilds
from launcher.core.update.releases import Release, believed, is_newer
from launcher.core.update.source import ask, deepen, fetch, find_sources
from launcher.core.update.unfinished import FOLDER


@dataclass(frozen=True)
class Wish:
    """What the user asks of an update."""

    #: versions before a release too
    pre: bool = False
    #: only to know: nothing in the clone is changed for it
    check: bool = False
    #: the word of a single mirror is enough
    trust_mirror: bool = False
    #: an archive, a file or an address, instead of asking for releases
    archive: str | None = None
    #: of that archive, hexadecimal
    sha256: str | None = None


@dataclass(frozen=True)
class Update:
    """What was found; `staged` holds the new version's files where there is one."""

    present: str
    #: None: the present one is the newest
    version: str | None = None
    commit: str | None = None
    changes: Changes = field(default_factory=lambda: Changes((), ()))
    rebuilt: Rebuilds = field(default_factory=lambda: Rebuilds(launcher=False, engine=False))
    #: why it cannot be carried out as things are
    obstacle: LauncherError | None = None
    clone: Clone | None = None
    staged: Path | None = None
    #: of a copy without git: the new version's
    files: tuple[str, ...] = ()
    #: that `--back` leads to
    before: str | None = None

    @property
    def newer(self) -> bool:
        """An archive that the user names may hold an older version too."""
        return self.version is not None and Version(self.version) > Version(self.present)


@dataclass(frozen=True)
class Place:
    """Where and with what an update works."""

    workspace: Workspace
    root: Path
    environ: Mapping[str, str]
    #: the handle of the lock of updates, while it is held
    held: int | None = None

    @property
    def folder(self) -> Path:
        """Ours in the checkout: what is changed lies there, whichever workspace is used."""
        return self.root / FOLDER

    def git(self) -> Git | None:
        """None: a copy without git. LauncherError as `find_git`."""
        return find_git(self.root, self.environ) if os.path.lexists(self.root / ".git") else None

    def router(self) -> Router:
        """Which way each address is asked for."""
        pip = read_pip_settings(self.environ)
        return find_route(read_mirrors(workspace=self.workspace), read_settings(self.workspace).proxy, self.environ,
                          pip=pip)  # fmt: skip


def place_of(workspace: Workspace, root: Path | None = None, environ: Mapping[str, str] = os.environ) -> Place:
    """The checkout that this program runs from, unless `root` names another."""
    return Place(workspace, root or checkout(), environ)


def find_release(
    place: Place, git: Git, wish: Wish, present: str, staged: Path, cancel: threading.Event | None
) -> Generator[Event, None, Update]:
    if wish.archive:
        raise LauncherError(
            "update-from-clone",
            t("This copy of Gesso is a git clone; archives are for copies without git."),
            t("Run `gesso update` without --from."),
        )
    clone = update_clone.look(git)
    git = for_address(git, clone.url)
    sources = find_sources(clone.url, place.workspace, place.environ)
    if clone.url.startswith("https://"):
        git = replace(git, environment={**git.environment, **variables_for(place.router(), clone.url)})
    told = ask(git, clone.url, sources, cancel)
    release = _some(believed(told, pre=wish.pre, alone=wish.trust_mirror), wish)
    commits = {each.commit for every in told for each in (every.releases or {}).values()}
    update_clone.refuse_detached(clone, clone.head in commits)
    if not is_newer(release, present):
        return Update(present, clone=clone)
    answered = {each.name for each in told if each.releases is not None}
    sources = tuple(each for each in sources if each.name in answered)
    yield from fetch(git, clone.url, release, sources, cancel)
    update_clone.export(git, release.commit, staged, staged.with_suffix(".index"))
    check_whole(staged, str(release.version))
    changes = update_clone.changes_between(git, clone.head, release.commit)
    if not wish.check and update_clone.leads_to(git, clone, release) is None:
        deepen(git, clone.url, sources[0], cancel)
    obstacle = _obstacle(git, clone, release)
    rebuilt = rebuilds(place.root, staged)
    return Update(present, str(release.version), release.commit, changes, rebuilt, obstacle, clone, staged)


def _some(release: Release | None, wish: Wish) -> Release:
    if release is None:
        raise LauncherError(
            "update-no-releases",
            t("No release of Gesso has been published where this copy comes from."),
            t("There are none before a release either.")
            if wish.pre
            else t("`gesso update --check --pre` looks for versions before a release too."),
        )
    return release


def _obstacle(git: Git, clone: Clone, release: Release) -> LauncherError | None:
    # Where it cannot be told, it is told before the move, with all of history.
    if clone.branch is not None and update_clone.leads_to(git, clone, release) is False:
        return update_clone.diverged(git, clone, release)
    try:
        update_clone.refuse_own_changes(git, release)
    except LauncherError as error:
        return error
    return None


def find_archive(
    place: Place, wish: Wish, present: str, staged: Path, cancel: threading.Event | None
) -> Generator[Event, None, Update]:
    route = place.router()
    release = None
    if wish.archive:
        file = yield from update_archive.fetch_from(wish.archive, wish.sha256, place.folder, route=route, cancel=cancel)
    else:
        source = update_archive.source_address(place.root)
        choice = chosen(look_around(place.workspace, place.environ, ("github",)), "github")
        told = yield from update_archive.ask(source, choice, place.folder, route=route, cancel=cancel)
        release = _some(believed(told, pre=wish.pre, alone=wish.trust_mirror), wish)
        if not is_newer(release, present):
            return Update(present)
        file = yield from update_archive.fetch(source, release, choice, told, place.folder, route=route, cancel=cancel)
    files = update_archive.stage(file, staged)
    check_whole(staged, str(release.version) if release else None)
    version = version_in(staged)
    differ = tuple(name for name in files if update_copy.differs(place.root / name, staged / name))
    changes, rebuilt = Changes((), differ), rebuilds(place.root, staged)
    if not files_of(recall(place.root), present):
        yield from _maybe_changed(place, [name for name in differ if (place.root / name).exists()])
    return Update(present, version if differ else None, release.commit if release else None, changes, rebuilt,
                  staged=staged, files=files)  # fmt: skip


def _maybe_changed(place: Place, differ: list[str]) -> Iterator[Event]:
    """Of a copy that no update brought, nobody knows which files are as they came."""
    if differ:
        yield Notice(
            "update-replaces",
            "warning",
            t("If you changed any of these files, it is replaced; what lies there now is kept in {folder}: {files}",
              folder=place.folder, files=update_copy.some(differ)),
        )  # fmt: skip
