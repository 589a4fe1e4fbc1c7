"""The catalogue of models (data/catalogue.toml): what each file is, and every address at which its bytes lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.models.kind import Kind
from launcher.core.text import t

FILE = Path(__file__).resolve().parents[2] / "data/catalogue.toml"
Host = Literal["huggingface", "modelscope", "civitai", "github-release", "github-raw", "url"]
SameBytes = Literal["lfs", "stated", "address-is-hash", "computed", "git-blob", "size", "listed"]
_MIB_IN_A_GIB = 1024


@dataclass(frozen=True)
class Location:
    """One place; which keys count depends on the host."""

    host: Host
    same_bytes: SameBytes
    #: owner/name
    repo: str | None = None
    path: str | None = None
    #: a commit, branch or tag of the repository
    revision: str | None = None
    repo_type: Literal["dataset"] | None = None
    #: of a GitHub release
    tag: str | None = None
    #: Civitai's numbers
    version: int | None = None
    model: int | None = None
    file_id: int | None = None
    type: str | None = None
    #: the name that the file has there
    file: str | None = None
    url: str | None = None

    @property
    def backed(self) -> bool:
        """Is it known to hold these very bytes?"""
        return self.same_bytes not in ("size", "listed")

    @property
    def address(self) -> str:
        """The official address, by the host's own form."""
        path = quote(self.path or "")
        if self.host == "huggingface":
            kind = "datasets/" if self.repo_type == "dataset" else ""
            return f"https://huggingface.co/{kind}{self.repo}/resolve/{quote(self.revision or 'main')}/{path}"
        if self.host == "modelscope":
            return f"https://modelscope.cn/models/{self.repo}/resolve/{quote(self.revision or 'master')}/{path}"
        if self.host == "github-release":
            return f"https://github.com/{self.repo}/releases/download/{self.tag}/{path}"
        if self.host == "github-raw":
            return f"https://github.com/{self.repo}/raw/{self.revision}/{path}"
        if self.host == "civitai":
            chosen = {"type": self.type, "fileId": self.file_id}
            query = urlencode({key: value for key, value in chosen.items() if value is not None})
            return f"https://civitai.com/api/download/models/{self.version}{'?' + query if query else ''}"
        return self.url or ""


@dataclass(frozen=True)
class Entry:
    """One file; `bytes` and `sha256` are of the whole of it."""

    name: str
    kind: Kind
    family: Literal["sd1", "sd2", "sdxl", "sdxl-refiner", "any"]
    format: Literal["safetensors", "pickle"]
    #: the smallest card on which it is a pleasure; 0: any
    vram_gib: int
    #: A1111's folder, relative to the workspace
    folder: str
    bytes: int
    sha256: str
    licence: str
    confidence: Literal["two-sources", "one-source"]
    sources: tuple[str, ...]
    locations: tuple[Location, ...]
    #: an English sentence, a key of the catalogues of languages
    note: str | None = None

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def licence_known(self) -> bool:
        """Does the publisher say it, as far as we have seen?"""
        return self.licence not in ("not verified", "none stated")


@dataclass(frozen=True)
class Known:
    """A file that people have and that is not offered."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Catalogue:
    """All of it; `sources` says what the names of an entry's sources stand for."""

    #: year and month in which the sources were read
    checked: str
    sources: dict[str, str]
    file: tuple[Entry, ...]
    known: tuple[Known, ...] = ()

    def find(self, name: str) -> Entry:
        """By name, stem or the beginning of its hash (8 digits or more); LauncherError `model-unknown` offers near
        ones.
        """
        wanted = name.casefold()
        for entry in self.file:
            if wanted in (entry.name.casefold(), entry.stem.casefold()):
                return entry
        by_hash = [entry for entry in self.file if len(wanted) >= 8 and entry.sha256.startswith(wanted)]
        if len(by_hash) == 1:
            return by_hash[0]
        near = [entry.stem for entry in self.file if wanted and wanted in entry.stem.casefold()]
        raise LauncherError(
            "model-unknown",
            t('The catalogue has no model "{name}".', name=name),
            t("Did you mean: {names}?", names=", ".join(near[:8])) if near
            else t("`gesso models list --catalogue` shows all; `gesso models add` takes an address or a file."),
        )  # fmt: skip

    def by_hash(self, sha256: str) -> Entry | Known | None:
        """What has these very bytes."""
        every: tuple[Entry | Known, ...] = (*self.file, *self.known)
        return next((one for one in every if one.sha256 == sha256), None)


@lru_cache(maxsize=1)
def read_catalogue(file: Path = FILE) -> Catalogue:
    """LauncherError `bad-facts` names what is not right in it."""
    return read_facts(file, Catalogue)


def offered(entries: Sequence[Entry], vram_mib: int | None) -> tuple[Entry, ...]:
    """Those that suit the card, in the catalogue's order; None: nothing is known of the card, so all are.

    A card of 4 GiB reports a little less than 4096 MiB, so that half a GiB is let pass.
    """
    if vram_mib is None:
        return tuple(entries)
    return tuple(entry for entry in entries if entry.vram_gib * _MIB_IN_A_GIB <= vram_mib + _MIB_IN_A_GIB // 2)
