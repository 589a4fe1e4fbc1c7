"""What is to be had without the network: the wheels in the user's own sources, and the engine's lock file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from launcher.core.file_hash import sha256
from launcher.core.hardware.look import Machine
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.uv_settings import local_path

ENGINE_LOCK = Path(__file__).resolve().parents[2] / "data/locks/engine.txt"
_PLATFORMS = {
    ("linux", "x86_64"): r"(many)?linux\w*_x86_64",
    ("linux", "arm64"): r"(many)?linux\w*_aarch64",
    ("windows", "x86_64"): r"win_amd64",
    ("windows", "arm64"): r"win_arm64",
    ("macos", "arm64"): r"macosx_\w*_(arm64|universal2)",
}


@dataclass(frozen=True)
class Wheel:
    """A wheel that lies on this computer, in a folder or index that the user's pip configuration names."""

    #: absolute path
    path: str
    #: the find-links folder or the file:// index, as the user wrote it
    source: str
    #: None where it cannot be read
    size: int | None = None

    @property
    def version(self) -> str | None:
        """With its label: "2.13.0+cpu"; None if the name is no wheel's."""
        parts = _parts(self.path)
        return unquote(parts[1]) if parts else None

    def fits(self, machine: Machine, python_tag: str) -> bool:
        """Made for this system, processor and Python ("cp311"); an unknown system fits nothing."""
        parts = _parts(self.path)
        platform = _PLATFORMS.get((machine.os or "", machine.arch or ""))
        if parts is None or platform is None:
            return False
        python, abi, systems = (parts[-3].split("."), parts[-2].split("."), parts[-1].split("."))
        # torch has never used the stable ABI, so "abi3" with its "this Python or newer" needs no reading
        return python_tag in python and python_tag in abi and any(re.fullmatch(platform, each) for each in systems)


@dataclass(frozen=True)
class Sources:
    """What the doors found for the plan."""

    #: torch wheels only
    wheels: tuple[Wheel, ...] = ()
    #: of the engine's lock file; None if there is no such file
    lock_sha256: str | None = None


def find_sources(pip: PipSettings, lock: Path = ENGINE_LOCK) -> Sources:
    """Lists local folders and file:// indexes for torch wheels, and hashes the lock. No network."""
    wheels = [Wheel(str(path), source, _size(path)) for source, path in _torch_files(pip)]
    return Sources(tuple(wheels), sha256(lock) if lock.is_file() else None)


def _torch_files(pip: PipSettings) -> Iterator[tuple[str, Path]]:
    for link in pip.find_links:
        place = local_path(link)
        if place is not None:
            yield from ((link, path) for path in _in_folder(place))
    for url in (pip.index_url, *pip.extra_index_urls):
        place = local_path(url) if url else None
        if url and place is not None and not pip.no_index:
            yield from ((url, path) for path in _on_page(place / "torch"))


def _in_folder(place: Path) -> Iterator[Path]:
    """A find-links entry may also be one wheel; a page of links is left to uv."""
    try:
        candidates = sorted(place.iterdir()) if place.is_dir() else [place]
    except OSError:
        return
    yield from (path.absolute() for path in candidates if _is_torch(path))


def _on_page(folder: Path) -> Iterator[Path]:
    """The local files that the project's page of a "simple" index links to."""
    try:
        page = (folder / "index.html").read_text("utf-8", "replace")
    except OSError:
        return
    for link in re.findall(r'href="([^"]+)"', page):
        address = urlsplit(link)
        target = unquote(address.path)
        path = Path(target) if address.scheme == "file" else folder / target
        if address.scheme in ("", "file") and _is_torch(path):
            yield path.resolve()


def _is_torch(path: Path) -> bool:
    return path.name.lower().startswith("torch-") and path.suffix == ".whl" and path.is_file()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _parts(path: str) -> list[str] | None:
    """name, version, [build,] python, abi, platform: the name of a wheel after the packaging specification."""
    parts = Path(path).name.removesuffix(".whl").split("-")
    return parts if len(parts) in (5, 6) else None
