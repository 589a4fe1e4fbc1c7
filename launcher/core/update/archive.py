"""A newer version for a copy without git: asked for and fetched as an archive, over the same addresses as git's."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from launcher.core import file_hash
from launcher.core.archive import unpack
from launcher.core.download.door import Address, Route, Wanted, direct, download
from launcher.core.errors import LauncherError, NotWrittenError
from launcher.core.events import Event, Notice
from launcher.core.network.mirror_choice import Choice
from launcher.core.paths import written_path
from launcher.core.project import read_project
from launcher.core.text import t
from launcher.core.update.git_calls import LOCAL, unwanted
from launcher.core.update.releases import Release, Told, read_tags
from launcher.core.web_address import shown

#: in pyproject.toml, the first that is there
_KEYS = ("repository", "source", "source code", "homepage")


def source_address(root: Path) -> str:
    """The repository that pyproject.toml names (`[project.urls]`), without `.git`. LauncherError `update-no-source`."""
    urls = read_project(root).get("urls", {})
    named = {key.lower(): url for key, url in urls.items() if isinstance(url, str)} if isinstance(urls, dict) else {}
    for key in _KEYS:
        url = named.get(key, "").rstrip("/").removesuffix(".git")
        if url.startswith("https://"):
            return url
    raise LauncherError(
        "update-no-source",
        t("This copy of Gesso has no git and does not say where it comes from."),
        t("Fetch the new version's archive where you got this one, then: gesso update --from FILE"),
    )


def ask(
    source: str, choice: Choice, folder: Path, *, route: Route = direct, cancel: threading.Event | None = None
) -> Generator[Event, None, tuple[Told, ...]]:
    """What each place says of the releases of `source`: the list that git itself would ask for."""
    told = []
    by_name = choice.basis in ("settings", "variable", "configuration")
    for mirror in choice.mirrors:
        url = mirror.rewritten(f"{source}.git/info/refs?service=git-upload-pack")
        if url is None:
            continue
        trusted = mirror.official or by_name
        # What was told an hour ago, or by the place before, is not what this one says now.
        (folder / "refs").unlink(missing_ok=True)
        try:
            yield from _fetched(Address(url, mirror.group, mirror.name), folder / "refs", route, cancel)
        except LauncherError as error:
            told.append(Told(mirror.name, mirror.group, trusted, None, str(error.message)))
            continue
        told.append(Told(mirror.name, mirror.group, trusted, read_tags(references((folder / "refs").read_bytes()))))
        if trusted:
            break
    return tuple(told)


def fetch(
    source: str,
    release: Release,
    choice: Choice,
    told: Sequence[Told],
    folder: Path,
    *,
    route: Route = direct,
    cancel: threading.Event | None = None,
) -> Generator[Event, None, Path]:
    """The archive of `release`: from a place whose word counts, else the same bytes from two independent ones.

    LauncherError `update-unconfirmed`, `download-…`, `bad-archive` if it is of another commit.
    """
    names = {each.name for each in told if each.releases is not None and release in each.releases.values()}
    trusted = {each.name for each in told if each.trusted and each.name in names}
    digests: list[tuple[str, str]] = []
    for mirror in choice.mirrors:
        url = mirror.rewritten(f"{source}/archive/refs/tags/{release.tag}.zip")
        if url is None or mirror.name not in (trusted or names):
            continue
        file = folder / f"gesso-{release.commit}-{mirror.name}.zip"
        yield from _fetched(Address(url, mirror.group, mirror.name), file, route, cancel)
        digests.append((mirror.group, file_hash.sha256(file)))
        if trusted or any(group != mirror.group and each == digests[-1][1] for group, each in digests):
            check_commit(file, release)
            return file
    raise LauncherError(
        "update-unconfirmed",
        t("No two independent places gave the same archive."),
        t("Try again later, when the official place answers."),
    )


def fetch_from(
    place: str, sha256: str | None, folder: Path, *, route: Route = direct, cancel: threading.Event | None = None
) -> Generator[Event, None, Path]:
    """The archive that the user names, a file or an address; `sha256` (hexadecimal) where it was published.

    LauncherError `no-such-file`, `hash-mismatch`, `update-remote` (not encrypted and no `sha256`), `download-…`.
    """
    if (scheme := urlsplit(place).scheme) in ("https", "http"):
        if scheme == "http" and sha256 is None and urlsplit(place).hostname not in LOCAL:
            raise unwanted(place, t("Use an https:// address, or name the archive's published SHA-256 with --sha256."))
        target = folder / "gesso-given.zip"
        target.unlink(missing_ok=True)
        wanted = Wanted("gesso", target, (Address(place),), sha256=sha256)
        yield from _without_last(download(wanted, route=route, cancel=cancel, replace=True))
        if sha256 is None:
            yield _unverified(shown(place), file_hash.sha256(target))
        return target
    file = written_path(place)
    if not file.is_file():
        raise LauncherError(
            "no-such-file",
            t("There is no file {file}.", file=file),
            t("Name the archive (zip) of a new version of Gesso."),
        )
    found = file_hash.sha256(file)
    if sha256 is not None and found != sha256.lower():
        raise LauncherError(
            "hash-mismatch",
            t("The SHA-256 of {file} is {found}, not {wanted}.", file=file.name, found=found, wanted=sha256),
            t("Fetch it again, from the place where Gesso is published."),
        )
    if sha256 is None:
        yield _unverified(file.name, found)
    return file


def stage(archive: Path, folder: Path) -> tuple[str, ...]:
    """The archive's files in the empty `folder`. LauncherError `bad-archive`, `disk-full`, `no-permission`.

    One that was fetched here and is of no use is deleted, so that the next run fetches it anew.
    """
    try:
        return unpack(archive, folder)
    except LauncherError:
        if archive.parent == folder.parent:
            archive.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise NotWrittenError(folder, error) from error


def references(answer: bytes) -> Iterator[str]:
    """The lines of a smart HTTP answer ("pkt-line": four hexadecimal digits of length, then the line).

    Format: git's documentation, "HTTP transfer protocols" and "Protocol common".
    """
    place = 0
    while place + 4 <= len(answer):
        try:
            length = int(answer[place : place + 4], 16)
        except ValueError:
            return
        line = answer[place + 4 : place + length]
        place += max(length, 4)
        # the first reference carries what the server can do behind a NUL
        text = line.partition(b"\0")[0].decode("utf-8", "replace").rstrip("\n")
        if text and not text.startswith("#"):
            yield text.replace(" ", "\t", 1)


def check_commit(file: Path, release: Release) -> None:
    """git writes the commit into the comment of the archives that it makes. LauncherError `bad-archive`."""
    try:
        with zipfile.ZipFile(file) as archive:
            comment = archive.comment.decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, OSError):
        return  # told better where it is unpacked
    if comment and comment != release.commit:
        file.unlink(missing_ok=True)
        raise LauncherError(
            "bad-archive",
            t("The archive is of the commit {found}, not {wanted}.", found=comment[:10], wanted=release.commit[:10]),
            t("Fetch it again, from the place where Gesso is published."),
        )


def _unverified(name: str, found: str) -> Notice:
    sentence = t("{file} was compared with nothing; its SHA-256 is {sha256}.", file=name, sha256=found)
    return Notice("unverified", "warning", sentence)


def _fetched(address: Address, target: Path, route: Route, cancel: threading.Event | None) -> Iterator[Event]:
    wanted = Wanted("gesso", target, (address,))
    yield from _without_last(download(wanted, route=route, cancel=cancel, replace=True))


def _without_last(events: Iterator[Event]) -> Iterator[Event]:
    """That it was compared with no published hash is said by what is done with it here."""
    for event in events:
        if not (isinstance(event, Notice) and event.slug == "download-unverified"):
            yield event
