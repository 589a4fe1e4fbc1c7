"""Brings models to where they are found: a LoRA among the checkpoints to the LoRAs, a wrong ending to the right one."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher.core.download.part import put_beside
from launcher.core.errors import LauncherError, writing
from launcher.core.events import Event, Notice
from launcher.core.mends.aside import Moved, from_record, state_of, to_put, to_record, unreadable_record
from launcher.core.mends.download_again import AGAIN, is_meant, is_ours, read_models
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, changed_since, nothing_to_mend
from launcher.core.models.facts import Facts, describe
from launcher.core.models.hashing import take_note
from launcher.core.models.kind import Kind
from launcher.core.models.known import is_text, read_known
from launcher.core.models.names import file_name
from launcher.core.models.outline import BrokenError, read_outline
from launcher.core.models.shelves import HOMES, workspace_shelves
from launcher.core.models.walk import ENDINGS
from launcher.core.paths import Workspace
from launcher.core.text import Text, t

NAME, TITLE = "move-model", t("Put the models where they are found")
#: what the runtime lists of a kind, the preferred ending of torch's own files first
_TORCH: dict[Kind, tuple[str, ...]] = {
    "checkpoint": (".ckpt",),
    "vae": (".pt", ".ckpt"),
    "lora": (".pt", ".ckpt"),
    "hypernetwork": (".pt",),
    "upscaler": (".pth", ".pt"),
}
_TORCH_OTHERS = (".pt", ".ckpt", ".bin", ".pth")
#: files that go with a model, by what follows its name without ending
_BESIDE = (".json", ".civitai.info", ".cm-info.json", ".yaml", ".txt", ".png", ".jpg", ".jpeg", ".webp", ".preview.png",
           ".preview.jpg", ".preview.jpeg", ".preview.webp")  # fmt: skip
#: what a browser or a system hangs on behind the true ending
_HUNG_ON = (".txt", ".zip", ".download", ".html", ".htm", ".pickletensor", ".dms")
#: a download that is not finished, and what is no model by its name
_LEAVE = (
    ".crdownload", ".part", ".partial", ".opdownload", ".aria2", ".tmp", ".gesso-part", AGAIN, ".lock",
    ".json", ".info", ".yaml", ".png", ".jpg", ".jpeg", ".webp", ".onnx", ".md",
)  # fmt: skip
_SMALLEST = 1024


@dataclass(frozen=True)
class Move:
    """A model's file and what goes with it, each to a place where nothing lies; `kind` says what it is."""

    path: Path
    target: Path
    kind: Kind
    beside: tuple[Moved, ...] = ()

    @property
    def all(self) -> tuple[Moved, ...]:
        return (Moved(self.path, self.target), *self.beside)


def moves(workspace: Workspace, values: Values) -> tuple[Move, ...]:
    """Every model that lies or is called wrongly; where something lies at the right place already it stays."""
    found = {each.path: each for each in (*_misplaced(workspace), *_unlisted(workspace))}
    meant = [each for path, each in found.items() if is_meant(path, values) or is_meant(each.target, values)]
    taken: set[Path] = set()
    free = []
    for each in meant:
        if each.target not in taken and not _lies(each.target) and is_ours(workspace, each.target.parent):
            free.append(each)
            taken |= {one.after for one in each.all}
    return tuple(free)


def _misplaced(workspace: Workspace) -> Iterator[Move]:
    """Of what the library lists."""
    for model in read_models(workspace):
        kind, facts, path = model.facts.kind, model.facts, model.path
        codes = {problem.code for problem in model.problems}
        if kind is None or kind not in HOMES or path.is_symlink() or "dangerous" in codes:
            continue
        # in models/ itself nobody looks
        lost = "misplaced" in codes or path.parent == workspace.models
        folder = workspace.root / HOMES[kind] if lost else path.parent
        name = path.name if facts.format == "diffusers" else right_name(path.name, kind, facts.format)
        if folder / name != path:
            yield Move(path, folder / name, kind, _companions(path, folder / name))


def _unlisted(workspace: Workspace) -> Iterator[Move]:
    """Models under endings that nobody looks at."""
    for shelf in workspace_shelves(workspace):
        for path in sorted(shelf.folder.glob("*")) if shelf.kind and is_ours(workspace, shelf.folder) else ():
            facts = _facts(path) if _may_be_one(path) else None
            if facts is not None and facts.kind in HOMES and not facts.problems:
                target = workspace.root / HOMES[facts.kind] / right_name(path.name, facts.kind, facts.format)
                yield Move(path, target, facts.kind)


def _may_be_one(path: Path) -> bool:
    name = path.name.lower()
    if path.is_symlink() or not path.is_file() or not is_text(str(path)):
        return False
    return not name.endswith((*ENDINGS, *_LEAVE)) and path.stat().st_size >= _SMALLEST


def _facts(path: Path) -> Facts | None:
    try:
        return describe(read_outline(path), path.name)
    except (BrokenError, OSError):
        return None


def right_name(name: str, kind: Kind, form: str | None) -> str:
    """`name` with the ending of what is in the file, as the runtime looks for it."""
    fitting = {"safetensors": (".safetensors",), "gguf": (".gguf",)}.get(form or "") or _TORCH.get(kind, _TORCH_OTHERS)
    if name.lower().endswith(fitting):
        return name
    while name.lower().endswith(_HUNG_ON):
        name = name.rpartition(".")[0]
    return file_name(name, fitting[0], only=fitting) or f"model{fitting[0]}"


def _companions(path: Path, target: Path) -> tuple[Moved, ...]:
    """Notes and preview, unless another model of that name has them too, or something lies there."""
    if any(_lies(path.with_name(path.stem + ending)) for ending in ENDINGS if path.stem + ending != path.name):
        return ()
    pairs = [Moved(path.with_name(path.stem + each), target.with_name(target.stem + each)) for each in _BESIDE]
    return tuple(one for one in pairs if one.before.is_file() and one.before != one.after and not _lies(one.after))


def _lies(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _preview(here: Here, values: Values) -> Preview | None:
    found = moves(here.workspace, values)
    if not found:
        return None
    root = here.workspace.root
    changes = tuple(
        Change(_what(each), one.before.relative_to(root).as_posix(), one.after.relative_to(root).as_posix())
        for each in found
        for one in each.all
    )
    return Preview(NAME, TITLE, changes, t("Judged by what is in the files. Nothing is written over."))


def _what(move: Move) -> Text:
    return t("a model of the kind {kind}", kind=move.kind)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    found = moves(here.workspace, values)
    if not found:
        raise nothing_to_mend(TITLE)
    pairs = [one for each in found for one in each.all]
    hashes = {each.target: _hash_of(here.workspace, each.path) for each in found}
    record: Record = {
        "moved": to_record(here.workspace, pairs),
        "put": to_put(here.workspace, [(one.before, one.after) for one in pairs]),
    }
    here.begin(record)
    _carry(pairs)
    for target, digest in hashes.items():
        if digest:
            take_note(here.workspace, target, digest)
    for each in found:
        yield Notice(
            "model-moved", "info", t("{name} lies in {folder}.", name=each.target.name, folder=each.target.parent)
        )
    return record


def _carry(pairs: list[Moved]) -> None:
    """Each to its place, never over anything; what cannot be done takes back what was done before it."""
    done: list[Moved] = []
    try:
        for each in pairs:
            with writing(each.after):
                each.after.parent.mkdir(parents=True, exist_ok=True)
                put_beside(each.before, each.after)
            done.append(each)
    except LauncherError:
        for each in reversed(done):
            put_beside(each.after, each.before)
        raise


def _hash_of(workspace: Workspace, path: Path) -> str | None:
    """So that a file of gigabytes is not hashed again under its new name."""
    size, mtime = state_of(path)
    known = read_known(workspace).of(str(path), size, mtime)
    return known.sha256 if known else None


def _verify(here: Here, values: Values) -> Text | None:
    still = moves(here.workspace, values)
    return t("These lie wrongly still: {names}", names=", ".join(each.path.name for each in still)) if still else None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    pairs = from_record(here.workspace, record.get("moved"))
    states = record.get("put")
    known = [each[1:] for each in states if isinstance(each, list)] if isinstance(states, list) else []
    if len(known) != len(pairs):
        raise unreadable_record()
    twice = [one for one in pairs if _lies(one.before) and _lies(one.after) and one.before.samefile(one.after)]
    away = [(one, state) for one, state in zip(pairs, known, strict=True) if one not in twice and not _is_back(one)]
    for one, state in away:
        if _state(one.after) != state:
            raise changed_since(t("One of the files"))
        if _lies(one.before):
            raise changed_since(t("{file}", file=one.before))
    for one in twice:
        # ended between its new name and the loss of its old one
        with writing(one.after):
            one.after.unlink()
    _carry([Moved(one.after, one.before) for one, _ in away])
    yield Notice("model-moved", "info", t("Everything lies where it lay."))


def _is_back(one: Moved) -> bool:
    return _lies(one.before) and not _lies(one.after)


def _state(path: Path) -> list[int]:
    try:
        return state_of(path)
    except OSError:
        return []


MEND = Mend(NAME, TITLE, _preview, _apply, _verify, _undo)
