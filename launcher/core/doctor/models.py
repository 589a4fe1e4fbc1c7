"""The check of the models: is there a checkpoint, and is any file broken, misplaced, or no model at all?"""

from __future__ import annotations

import threading
from dataclasses import replace

from launcher.core.doctor.check import Verdict, lines, unknown, well, wrong
from launcher.core.doctor.ground import Ground
from launcher.core.mends.move_model import moves
from launcher.core.models.entry import Library, Model
from launcher.core.models.library import read_library
from launcher.core.models.problems import Problem
from launcher.core.process import CancelledError
from launcher.core.text import Text, t

#: what is wrong with a file -> what puts it right
_MENDS = {
    "empty": "download-model-again",
    "truncated": "download-model-again",
    "damaged": "download-model-again",
    "web-page": "download-model-again",
    "lfs-pointer": "fetch-lfs-model",
    "wrong-ending": "move-model",
    "misplaced": "move-model",
}
#: what does not hinder Gesso, and is said by `gesso models list`
_NO_FAULT = ("unsupported", "unusual")
_NAMED = 3


def models(ground: Ground) -> Verdict:
    """Every folder, the linked installs' too; files that have not changed since the last look are not opened again."""
    stop = threading.Event()
    timer = threading.Timer(ground.left, stop.set)
    timer.daemon = True
    timer.start()
    reading = read_library(ground.workspace, cancel=stop)
    try:
        while True:
            next(reading)
    except StopIteration as end:
        library: Library = end.value
    except CancelledError:
        text = t("There are too many new models to look at in this time.")
        return unknown(text, t("This one looks at all: gesso models list"))
    finally:
        timer.cancel()
    verdict = of_library(library)
    return (_lost(ground) or verdict) if verdict.ok else verdict


def _lost(ground: Ground) -> Verdict | None:
    """Models that no list shows: in models/ itself, or with an ending that none has."""
    found = moves(ground.workspace, {})
    if not found:
        return None
    told = [
        t("{name} is a model, and lies where nobody looks or has a wrong ending.", name=_visible(each.path.name))
        for each in found
    ]
    return wrong(lines(_few(told)), t("Put it where it is found."), "move-model", path=found[0].path)


def of_library(library: Library) -> Verdict:
    """As `models`, of what was found."""
    faults = [(model, each) for model in library.models for each in model.problems if each.code not in _NO_FAULT]
    # What can be mended comes first, for the mend is told of one file at a time.
    faults.sort(key=lambda fault: _mend_of(*fault) is None)
    if faults:
        return _wrong(faults)
    if library.refused:
        places = [
            t("{path} could not be looked at: {why}.", path=_visible(str(each.path)), why=each.reason)
            for each in library.refused
        ]
        return wrong(lines(_few(places)), t("Take it away, or put the model there that it stands for."))
    checkpoints = [model for model in library.models if model.kind == "checkpoint"]
    if not checkpoints:
        told = t("There is no model (checkpoint) yet: Gesso draws with its small demo model.")
        return well(told, t("Choose one on the models screen, or: gesso models download"))
    return well(t("Models: {count}, checkpoints among them: {checkpoints}; none is broken or misplaced.",
                  count=len(library.models), checkpoints=len(checkpoints)))  # fmt: skip


def _wrong(faults: list[tuple[Model, Problem]]) -> Verdict:
    told = [t("{name}: {problem}", name=_visible(model.name), problem=problem.message) for model, problem in faults]
    model, problem = faults[0]
    first = wrong(lines(_few(told)), problem.hint, _mend_of(model, problem), **_values(model, problem))
    return replace(first, others=tuple(
        (mend, _values(model, problem)) for model, problem in faults[1:] if (mend := _mend_of(model, problem))
    ))  # fmt: skip


def _visible(name: str) -> str:
    """A name may have a line end in it, and stands on one line."""
    return "".join(each if each.isprintable() or each == "\u3000" else "\N{REPLACEMENT CHARACTER}" for each in name)


def _values(model: Model, problem: Problem) -> dict[str, str]:
    return {"path": str(model.path), "problem": problem.code}


def _few(told: list[Text]) -> list[Text]:
    more = len(told) - _NAMED
    return told if more <= 0 else [*told[:_NAMED], t("And {count} more: gesso models list", count=more)]


def _mend_of(model: Model, problem: Problem) -> str | None:
    """What lies in another program's install is not Gesso's to change."""
    return _MENDS.get(problem.code) if model.home == "workspace" else None
