"""Gesso's releases: which tags name one, which is the newest, and who may be believed about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.version import Version

from launcher.core.errors import LauncherError
from launcher.core.project import is_version
from launcher.core.text import t

_PEELED = "^{}"
_PREFIX = "refs/tags/"


@dataclass(frozen=True)
class Release:
    """A tag as `v0.2.0` or `0.2.0`, and the commit that it names (40 or 64 hexadecimal digits)."""

    tag: str
    commit: str

    @property
    def version(self) -> Version:
        return Version(self.tag.removeprefix("v"))


@dataclass(frozen=True)
class Told:
    """What one place says: its releases by tag, or why it says nothing."""

    name: str
    group: str
    #: its word alone counts: it is the official one, or the user chose it by name
    trusted: bool
    releases: Mapping[str, Release] | None
    why: str = ""


def read_tags(lines: Iterable[str]) -> dict[str, Release]:
    """From the lines of `git ls-remote --tags`; tags that are no version are none of ours."""
    found: dict[str, str] = {}
    for line in lines:
        commit, _, name = line.partition("\t")
        tag = name.removeprefix(_PREFIX)
        if not name.startswith(_PREFIX) or not _is_hash(commit):
            continue
        # an annotated tag is followed by the commit that it names
        if tag.endswith(_PEELED) or tag not in found:
            found[tag.removesuffix(_PEELED)] = commit
    return {tag: Release(tag, commit) for tag, commit in found.items() if is_version(tag)}


def newest(releases: Iterable[Release], *, pre: bool = False) -> Release | None:
    """The highest version; those before a release (1.0rc1) only if asked for. None: there is none."""
    candidates = [each for each in releases if pre or not each.version.is_prerelease]
    return max(candidates, key=lambda each: (each.version, each.tag), default=None)


def believed(told: Iterable[Told], *, pre: bool = False, alone: bool = False) -> Release | None:
    """The newest release by a trusted place, else by two independent ones that say the same; None: there is none.

    A mirror could serve anything under the name of a tag, so its word alone counts only with `alone`, the user's.
    LauncherError `no-network` if nobody answers, `update-unconfirmed` if only one does or they differ.
    """
    told = tuple(told)
    heard = [each for each in told if each.releases is not None]
    if not heard:
        reasons = "; ".join(f"{each.name}: {each.why}" for each in told)
        raise LauncherError(
            "no-network",
            t("Nobody could be asked for a newer version ({reasons}).", reasons=reasons),
            t("Check the network; `gesso mirrors test github` shows which place answers."),
        )
    # A mirror's word counts where no place answered whose word counts anyway.
    if word := next((each for each in heard if each.trusted), heard[0] if alone else None):
        return newest((word.releases or {}).values(), pre=pre)
    said = [(each.group, newest((each.releases or {}).values(), pre=pre)) for each in heard]
    for group, release in said:
        if any(other != group and release == same for other, same in said):
            return release
    raise LauncherError(
        "update-unconfirmed",
        t("The official place does not answer, and {names} cannot confirm each other.",
          names=", ".join(each.name for each in heard)),
        t("Try again later, or take the mirror's word: gesso update --trust-mirror"),
    )  # fmt: skip


def is_newer(release: Release, present: str) -> bool:
    """Is it a higher version than `present`?"""
    return release.version > Version(present)


def _is_hash(word: str) -> bool:
    return len(word) in (40, 64) and all(letter in "0123456789abcdef" for letter in word)
