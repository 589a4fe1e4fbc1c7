"""Where a newer Gesso is asked for and fetched from: the clone's own remote, itself or through mirrors, in turn."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.git_calls import Answer, Git
from launcher.core.network.mirror_choice import Choice, chosen, look_around
from launcher.core.network.mirror_told import GITHUB
from launcher.core.network.mirror_words import git_base
from launcher.core.paths import Workspace
from launcher.core.process import CancelledError
from launcher.core.text import t
from launcher.core.update.git_calls import refuse_unchecked
from launcher.core.update.releases import Release, Told, read_tags
from launcher.core.web_address import shown

#: seconds for a list of tags, a few kB
_PATIENCE = 25.0
#: seconds without a word after which a source is left
_SILENCE = 60.0
#: where a fetched release is kept: a user's own tag of the same name stays what it is
KEPT = "refs/gesso/releases/"


@dataclass(frozen=True)
class Source:
    """One way to the remote; `base` takes the place of https://github.com/ for our own calls, None: nothing does."""

    name: str
    group: str
    base: str | None = None
    #: its word on which commit a release is counts alone
    trusted: bool = False
    replaces: str = GITHUB

    def settings(self) -> tuple[str, ...]:
        return () if self.base is None else ("-c", f"url.{self.base}.insteadOf={self.replaces}")


def find_sources(url: str, workspace: Workspace, environ: Mapping[str, str]) -> tuple[Source, ...]:
    """The ways to `url`. LauncherError `bad-mirror`."""
    # with a name and password in it an address goes to nobody else
    if not url.startswith(GITHUB):
        return (Source(shown(urlsplit(url).hostname or url), "official", trusted=True),)
    return sources_of(chosen(look_around(workspace, environ, ("github",)), "github"))


def sources_of(choice: Choice) -> tuple[Source, ...]:
    """The mirrors of a choice. What the user chose by name is trusted as the official place is."""
    if choice.basis == "configuration":
        return (Source(choice.first.name, choice.first.group, trusted=True),)
    by_name = choice.basis in ("settings", "variable")
    return tuple(
        Source(each.name, each.group, git_base(each), trusted=each.official or by_name)
        for each in choice.mirrors
        if each.official or git_base(each)
    )


def ask(git: Git, url: str, sources: Sequence[Source], cancel: threading.Event | None) -> tuple[Told, ...]:
    """What each source says of the releases, all asked at once. LauncherError `update-unchecked`."""
    for each in sources:
        refuse_unchecked(git, url, each.settings())

    def one(source: Source) -> Told:
        words = (*source.settings(), "ls-remote", "--tags", "--", url)
        try:
            answer = git.call(*words, seconds=_PATIENCE, cancel=cancel)
        except CancelledError:
            return Told(source.name, source.group, source.trusted, None, "stopped")
        releases = read_tags(answer.out) if answer.code == 0 else None
        return Told(source.name, source.group, source.trusted, releases, shown(answer.said))

    with ThreadPoolExecutor(max_workers=4) as pool:
        told = tuple(pool.map(one, sources))
    if cancel is not None and cancel.is_set():
        raise CancelledError
    return told


def fetch(
    git: Git, url: str, release: Release, sources: Sequence[Source], cancel: threading.Event | None
) -> Iterator[Event]:
    """Fetch `release` from the first source that gives it; what comes is the named commit or is refused.

    LauncherError `no-network` with what the last one said.
    """
    if _there(git, release):
        return
    _unlock(git, release)
    said = "?"
    for number, source in enumerate(sources):
        answers: list[Answer] = []
        words = (*source.settings(), "fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--force", "--", url,
                 f"refs/tags/{release.tag}:{KEPT}{release.tag}")  # fmt: skip
        yield from git.follow(words, answers.append, silence=_SILENCE, cancel=cancel)
        answers[0].refuse_own_trouble(git.root)
        if answers[0].code == 0 and _there(git, release):
            return
        if answers[0].code == 0:
            git.call("update-ref", "-d", f"{KEPT}{release.tag}")
        said = shown(answers[0].said) if answers[0].code else "another commit than it should be"
        if number + 1 < len(sources):
            following = sources[number + 1].name
            yield Notice(
                "source-failed",
                "warning",
                t(
                    "{name} failed ({why}); {following} is asked instead.",
                    name=source.name,
                    why=said,
                    following=following,
                ),
            )
    raise LauncherError(
        "no-network",
        t("The version {tag} could not be fetched: {why}", tag=release.tag, why=said),
        t("Check the network, or choose another mirror: gesso mirrors use github NAME"),
    )


def _unlock(git: Git, release: Release) -> None:
    """Nobody else writes there, and the lock of updates is held: this one is of a fetch that was ended."""
    place = git.call("rev-parse", "--git-common-dir")
    if place.code == 0 and place.out:
        with contextlib.suppress(OSError):
            (git.root / place.out[0] / f"{KEPT}{release.tag}.lock").unlink()


def deepen(git: Git, url: str, source: Source, cancel: threading.Event | None) -> None:
    """All of history for a shallow clone, as far as `source` gives it."""
    words = (*source.settings(), "fetch", "--unshallow", "--no-tags", "--no-write-fetch-head", "--", url)
    git.call(*words, silence=_SILENCE, cancel=cancel)


def _there(git: Git, release: Release) -> bool:
    """Has it been fetched, and is it the commit that it should be?"""
    return git.call("rev-parse", "--verify", "--quiet", f"{KEPT}{release.tag}^{{commit}}").out == (release.commit,)
