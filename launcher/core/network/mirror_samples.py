"""The very file of a plan that each mirror is asked for, and where a mirror would have it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from launcher.core.network.mirrors import Kind, Mirrors
from launcher.core.packages.index_pages import IndexFile
from launcher.core.packages.requirements import read_requirements
from launcher.core.packages.wheels import supported_tags


@dataclass(frozen=True)
class Sample:
    """One file, named by its official address or, on an index, by project and version."""

    kind: Kind
    #: as people are told: "gradio 6.31.0"
    name: str
    #: huggingface, modelscope, github, python: where it officially lies
    url: str | None = None
    #: packages, torch: which wheel
    project: str = ""
    version: str = ""
    #: of the engine: "3.11"
    python: str = ""
    #: of what may be installed; empty: unknown
    hashes: frozenset[str] = frozenset()
    #: bytes, where they are known
    size: int | None = None
    #: torch: of the build
    tag: str | None = None
    #: packages, torch: the official index; None: pip is asked for it
    index: str | None = None

    @property
    def key(self) -> str:
        """What a measurement is filed under: torch's tags have an index each."""
        return f"{self.kind}:{self.tag}" if self.tag else self.kind

    def pick(self, files: Iterable[IndexFile]) -> IndexFile | None:
        """The wheel for this computer among those that an index offers; one whose hash is known to be wrong is none."""
        ranks = {tag: rank for rank, tag in enumerate(supported_tags(self.python))}
        best: tuple[int, IndexFile] | None = None
        for file in files:
            rank = self._rank(file, ranks)
            if rank is not None and (best is None or rank < best[0]):
                best = (rank, file)
        return best[1] if best else None

    def _rank(self, file: IndexFile, ranks: dict[Tag, int]) -> int | None:
        if self.hashes and file.sha256 is not None and file.sha256 not in self.hashes:
            return None
        try:
            name, version, _, tags = parse_wheel_filename(file.name)
        except (InvalidWheelFilename, InvalidVersion):
            return None
        if name != self.project or version != Version(self.version):
            return None
        return min((ranks[tag] for tag in tags if tag in ranks), default=None)


def sample_of_lock(lock: Path, projects: Iterable[str], python: str) -> Sample | None:
    """The first of `projects` that the lock names, with the hashes it allows; None if it has none of them."""
    try:
        pinned = read_requirements(lock.read_text(encoding="utf-8"))
    except OSError:
        return None
    for project in projects:
        for requirement, hashes in pinned.items():
            name, _, version = requirement.partition("==")
            if name == project:
                return Sample("packages", f"{name} {version}", None, name, version, python, frozenset(hashes))
    return None


def sample_of_torch(
    build: str, tag: str, index: str, python: str, sha256: str | None = None, size: int | None = None
) -> Sample:
    """The wheel of torch `build` ("2.13.0+cu130"), officially in `index`."""
    hashes = frozenset({sha256} if sha256 else ())
    return Sample("torch", f"torch {build}", None, "torch", build, python, hashes, size, tag, index)


def sample_of_kind(mirrors: Mirrors, kind: Kind) -> Sample | None:
    """The file of mirrors.toml for a kind that has one."""
    samples = {
        "huggingface": mirrors.samples.huggingface,
        "modelscope": mirrors.samples.modelscope,
        "github": mirrors.samples.github,
    }
    found = samples.get(kind)
    return sample_of_url(kind, found.url, found.bytes, found.sha256) if found else None


def sample_of_url(kind: Kind, url: str, size: int | None = None, sha256: str | None = None) -> Sample:
    """A file whose official address is known."""
    name = unquote(url.partition("?")[0].rpartition("/")[2])
    return Sample(kind, name, url, hashes=frozenset({sha256} if sha256 else ()), size=size)
