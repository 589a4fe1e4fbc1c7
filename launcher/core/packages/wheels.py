"""What uv resolved a requirement file to: one wheel of each package, where it lies, and its SHA-256."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from launcher.core.errors import LauncherError
from launcher.core.facts import read_table
from launcher.core.packages.uv_settings import local_path
from launcher.core.text import Text, t
from launcher.core.web_address import shown


@dataclass(frozen=True)
class WheelFile:
    """One file to install."""

    #: normalised: "annotated-doc"
    package: str
    version: str
    #: of the file, without escapes: "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    name: str
    #: https:// (it may hold a password), http:// or file://
    url: str
    sha256: str
    #: bytes; None: the source did not say
    size: int | None = None

    @property
    def local(self) -> Path | None:
        """Where it lies on this computer; None: on the network."""
        return local_path(self.url)

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


def read_pylock(file: Path, allowed: Mapping[str, Sequence[str]], python: str) -> tuple[WheelFile, ...]:
    """The files in a pylock.toml (PyPA specification "pylock.toml") for Python `python` ("3.11") on this computer.

    `allowed` gives for each "name==version" the SHA-256 that may come. LauncherError `wheels-unsuited` where a package
    has no wheel that is allowed, no address or no hash: uv itself may still know a way.
    """
    table = read_table(file)
    ranks = {tag: rank for rank, tag in enumerate(supported_tags(python))}
    packages = table.get("packages", [])
    return tuple(_best(package, allowed, ranks) for package in packages)


def supported_tags(python: str) -> list[Tag]:
    """What CPython `python` ("3.11") takes on this computer, the best first."""
    version = tuple(int(part) for part in python.split(".")[:2])
    interpreter = "cp" + "".join(map(str, version))
    return [*cpython_tags(version), *compatible_tags(version, interpreter)]


def _best(package: Mapping[str, Any], allowed: Mapping[str, Sequence[str]], ranks: Mapping[Tag, int]) -> WheelFile:
    """Of several wheels the one that this computer prefers, as uv does."""
    name, version = str(package.get("name")), str(package.get("version"))
    known = allowed.get(f"{name}=={version}")
    found = [_file(name, version, wheel) for wheel in package.get("wheels", [])]
    fitting = [file for file in found if file is not None and (known is None or file.sha256 in known)]
    ranked = sorted((_rank(file.name, ranks), number) for number, file in enumerate(fitting))
    if not ranked or ranked[0][0] == sys.maxsize:
        raise unsuited(t("{name} {version} has no wheel there that may be used", name=name, version=version))
    return fitting[ranked[0][1]]


def _file(name: str, version: str, wheel: Mapping[str, Any]) -> WheelFile | None:
    url, digest = wheel.get("url"), wheel.get("hashes", {}).get("sha256")
    if not isinstance(url, str) or not isinstance(digest, str):
        return None
    if urlsplit(url).scheme not in ("http", "https", "file"):
        raise unsuited(t("{address} is no address that files can be fetched from", address=shown(url)))
    file = str(wheel.get("name") or unquote(PurePosixPath(urlsplit(url).path).name))
    size = wheel.get("size")
    return WheelFile(name, version, file, url, digest.lower(), size if isinstance(size, int) else None)


def _rank(name: str, ranks: Mapping[Tag, int]) -> int:
    try:
        tags = parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return sys.maxsize
    return min((ranks[tag] for tag in tags if tag in ranks), default=sys.maxsize)


def unsuited(why: Text) -> LauncherError:
    """What makes the files no matter for our own downloads."""
    return LauncherError(
        "wheels-unsuited",
        t("The packages cannot be fetched one by one: {why}.", why=why),
        t("uv fetches them itself then; if the network ends on the way, it begins a file anew."),
    )
