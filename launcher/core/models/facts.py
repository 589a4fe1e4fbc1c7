"""What a file tells about itself, in a form that can be remembered until the file changes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from launcher.core.models.kind import KINDS, Judgement, Kind, judge
from launcher.core.models.notes import read_notes, sidecars
from launcher.core.models.outline import BrokenError, Outline, open_plainly, read_outline
from launcher.core.models.problems import PROBLEMS, Problem
from launcher.core.models.walk import Seen

#: size, time of change, and the same of the notes beside it
Stamp = tuple[int, ...]
_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl-refiner"}
_LARGEST_JSON = 1024 * 1024


@dataclass(frozen=True)
class Facts:
    """From the file and its notes alone; where it lies plays no part."""

    format: str | None = None
    kind: Kind | None = None
    family: str | None = None
    precision: str | None = None
    variant: str | None = None
    title: str | None = None
    triggers: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def stamp_of(seen: Seen) -> Stamp:
    """Changes with the file, and with what is written beside it."""
    notes: list[int] = []
    for name in _beside(seen):
        try:
            found = name.stat()
        except OSError:
            continue
        notes += [found.st_size, found.st_mtime_ns]
    return (seen.size, seen.mtime_ns, *notes)


def read_facts_of(seen: Seen) -> Facts:
    """Opens the file. FileNotFoundError if it has just gone; what is wrong with it is among its problems."""
    path = Path(seen.path)
    try:
        if seen.is_folder:
            return _of_folder(path)
        outline = read_outline(path)
    except BrokenError as broken:
        return Facts(problems=(Problem(broken.code, broken.detail),))
    except FileNotFoundError:
        raise
    except OSError as refused:
        return Facts(problems=(Problem("unreadable", str(refused.strerror or refused)),))
    return describe(outline, path.name, _beside(seen))


def describe(outline: Outline, name: str, beside: tuple[Path, ...] = ()) -> Facts:
    """What an outline says, of a file of this name."""
    judged, notes = judge(outline), read_notes(outline.metadata, beside)
    return Facts(
        outline.format, judged.kind, judged.family, judged.precision, judged.variant, notes.title, notes.triggers,
        tuple(_problems(outline, judged, name)),
    )  # fmt: skip


def _problems(outline: Outline, judged: Judgement, name: str) -> list[Problem]:
    found: list[Problem] = []
    if outline.strange.dangerous:
        found.append(Problem("dangerous", ", ".join(outline.strange.dangerous[:3])))
    elif outline.strange.unusual:
        found.append(Problem("unusual", ", ".join(outline.strange.unusual[:3])))
    if outline.format != "safetensors" and name.lower().endswith((".safetensors", ".sft")):
        found.append(Problem("wrong-ending"))
    if judged.lacks == "weights" and outline.format == "pickle":
        found.append(Problem("no-weights"))
    if not judged.supported or outline.format == "gguf":
        found.append(Problem("unsupported", judged.variant or judged.family or outline.format))
    elif judged.lacks == "text":
        found.append(Problem("incomplete"))
    return found


def _beside(seen: Seen) -> tuple[Path, ...]:
    path = Path(seen.path)
    return tuple(path.with_name(name) for name in sidecars(path.stem, seen.there)) if seen.there else ()


def _of_folder(folder: Path) -> Facts:
    """diffusers' layout: the width of the text states is in the U-Net's own configuration."""
    width = _json(folder / "unet" / "config.json").get("cross_attention_dim")
    family = _WIDTHS.get(width) if isinstance(width, int) else None
    problems = () if family else (Problem("damaged", "unet/config.json"),)
    return Facts("diffusers", "checkpoint", family, title=folder.name, problems=problems)


def _json(file: Path) -> dict[str, Any]:
    try:
        with open_plainly(file) as stream:
            found = json.loads(stream.read(_LARGEST_JSON))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def to_record(facts: Facts) -> dict[str, Any]:
    """For the index; what is None or empty is left out."""
    return {key: value for key, value in asdict(facts).items() if value}


def from_record(found: Any) -> Facts | None:
    """None for what another version wrote, or somebody's editor."""
    try:
        problems = tuple(Problem(str(one["code"]), str(one["detail"])) for one in found.pop("problems", ()))
        triggers = tuple(str(one) for one in found.pop("triggers", ()))
        if not all(isinstance(one, str) for one in found.values()):
            return None
        facts = Facts(**found, triggers=triggers, problems=problems)
    except (TypeError, KeyError, AttributeError):
        return None
    known = facts.kind is None or facts.kind in KINDS
    return facts if known and all(problem.code in PROBLEMS for problem in problems) else None
