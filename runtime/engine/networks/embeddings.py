"""Textual inversion (Gal et al. 2022): words of a user's own, found in prompts by their tokens."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from torch import Tensor

from runtime.engine.networks.embedding_files import ENDINGS, EmbeddingFile, read_embedding
from runtime.engine.pickles.reader import Reader
from runtime.engine.tokenizer import token_ids
from runtime.request import RequestError
from runtime.shelf import natural_order, walk

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embedding:
    """`vectors`: one (count, width) per text model, float32 on the CPU; `length`: tokens of its name in a prompt."""

    name: str
    length: int
    vectors: tuple[Tensor, ...]
    #: first digits of the file's sha256, 12
    sha12: str = ""

    @property
    def count(self) -> int:
        """Tokens' places that it takes."""
        return len(self.vectors[0])


@dataclass(frozen=True)
class _Skipped:
    """A file that the loaded model cannot use, and why."""

    file: EmbeddingFile
    why: str


@dataclass
class EmbeddingBook:
    """The embeddings of some folders that fit the loaded model. An empty book matches nothing."""

    #: name -> embedding that fits, and its file
    loaded: dict[str, tuple[Embedding, EmbeddingFile]] = field(default_factory=dict)
    #: name -> file that does not, with the reason
    skipped: dict[str, _Skipped] = field(default_factory=dict)
    #: stem -> why the file cannot be read at all
    unreadable: dict[str, str] = field(default_factory=dict)
    _by_first: dict[int, list[tuple[tuple[int, ...], Embedding]]] = field(default_factory=dict)
    _seen: object = None
    _read: dict[tuple[Path, float, int], EmbeddingFile | str | None] = field(default_factory=dict)

    def look(self, folders: Sequence[Path], widths: Sequence[int]) -> bool:
        """Read the folders if they changed, for text models of these widths in order; did anything change?"""
        files = _files(folders)
        state = (tuple(files), tuple(widths))
        if state == self._seen:
            return False
        # until all is read the book stays as it was, and what stops here is tried again at the next look
        with Reader() as reader:
            read = {key: self._read[key] if key in self._read else _try_to_read(key[0], reader) for key in files}
        self.loaded, self.skipped, self.unreadable, self._by_first = {}, {}, {}, {}
        for (path, _time, _size), found in read.items():
            if isinstance(found, str):
                self.unreadable[path.stem] = found
            elif found is not None:
                self._take(found, widths)
        for candidates in self._by_first.values():
            candidates.sort(key=lambda one: len(one[0]), reverse=True)
        self._read, self._seen = read, state
        return True

    def match(self, ids: Sequence[int], at: int) -> Embedding | None:
        """The embedding whose name's tokens stand in `ids` from place `at` on; of several the longest."""
        for name, embedding in self._by_first.get(ids[at], ()):
            if tuple(ids[at : at + len(name)]) == name:
                return embedding
        return None

    def listing(self) -> dict[str, dict[str, Any]]:
        """The body of GET /sdapi/v1/embeddings."""
        return {
            "loaded": {name: _described(file) for name, (_embedding, file) in self.loaded.items()},
            "skipped": {name: _described(skipped.file) for name, skipped in self.skipped.items()},
        }

    def remarks(self, ids: Sequence[int]) -> tuple[str, ...]:
        """A sentence for each name in a prompt's tokens whose embedding cannot be used."""
        text = _spelled(ids)
        unfit = {name: f"The embedding {name} is left out: {one.why}." for name, one in self.skipped.items()}
        sentences = unfit | {name: why for name, why in self.unreadable.items() if name not in self.loaded}
        return tuple(why for name, why in sentences.items() if (own := token_ids(name)) and _spelled(own) in text)

    def _take(self, file: EmbeddingFile, widths: Sequence[int]) -> None:
        vectors = _fitting(file.vectors, widths)
        ids = tuple(token_ids(file.name))
        if not ids:
            return
        if vectors is None:
            mine = [one.shape[-1] for one in file.vectors]
            why = f"its vectors are {_wide(mine)} wide, the checkpoint's {_wide(widths)}"
            self.skipped[file.name] = _Skipped(file, why)
            return
        embedding = Embedding(file.name, len(ids), vectors, file.sha256[:12])
        self.loaded[file.name] = (embedding, file)
        same_first = [one for one in self._by_first.get(ids[0], []) if one[0] != ids]
        self._by_first[ids[0]] = [*same_first, (ids, embedding)]


def _files(folders: Sequence[Path]) -> dict[tuple[Path, float, int], None]:
    """(path, time of change, bytes) of what may be an embedding, in natural order; empty files are none.

    The first folder comes last: of two of one name, the one that is read last counts.
    """
    found = []
    places = (sorted(walk(folder), key=lambda one: natural_order(str(one))) for folder in reversed(folders))
    for path in chain.from_iterable(places):
        stem, ending = path.stem, path.suffix.lower()
        if ending not in ENDINGS or stem.lower().endswith(".preview"):
            continue
        try:
            stat = path.stat()
        except OSError:
            continue
        if stat.st_size:
            found.append((path, stat.st_mtime, stat.st_size))
    return dict.fromkeys(found)


def _try_to_read(path: Path, reader: Reader) -> EmbeddingFile | str | None:
    """What is in the file, or the sentence that says why it cannot be used: it must not take the others along."""
    try:
        return read_embedding(path, reader)
    except RequestError as wrong:
        why = wrong.message
    except OSError as gone:
        why = f"{path.name} cannot be read: {gone.strerror or gone}."
    _LOG.warning("%s", why)
    return why


def _fitting(vectors: tuple[Tensor, ...], widths: Sequence[int]) -> tuple[Tensor, ...] | None:
    """Those for text models of these widths; SDXL's refiner has the second of SDXL's two models alone."""
    if [one.shape[-1] for one in vectors] == list(widths):
        return vectors
    return vectors[1:] if len(vectors) == 2 and [vectors[1].shape[-1]] == list(widths) else None


def _spelled(ids: Sequence[int]) -> str:
    """Ids between commas, so that one list can be looked for in another."""
    return f",{','.join(map(str, ids))},"


def _wide(widths: Sequence[int]) -> str:
    return " and ".join(str(width) for width in widths)


def _described(file: EmbeddingFile) -> dict[str, Any]:
    return {
        "step": file.step,
        "sd_checkpoint": file.sd_checkpoint,
        "sd_checkpoint_name": file.sd_checkpoint_name,
        "shape": sum(vectors.shape[-1] for vectors in file.vectors),
        "vectors": len(file.vectors[0]),
    }
