"""The steps of the guided install in their order, and what was answered so far, kept in `state/setup.json`."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, replace

from launcher.core.environments.environments import current
from launcher.core.paths import Workspace
from launcher.core.records import read_typed, write_record
from launcher.core.setup.question import Choice, Question
from launcher.core.text import Text, t

FILE = "setup.json"
#: in their order, each with its heading
STEPS: dict[str, Text] = {
    "language": t("Language"),
    "machine": t("What was found"),
    "network": t("Network"),
    "place": t("Where it goes"),
    "plan": t("The plan"),
    "install": t("Installing"),
    "model": t("Which model"),
    "picture": t("The first picture"),
    "done": t("Done"),
}
#: what `?` says of each
ABOUT: dict[str, tuple[Text, ...]] = {
    "language": (t("Every sentence is there in both languages; it can be changed at any time."),),
    "machine": (
        t("What this computer has, and what can be drawn with it. Nothing has been changed yet."),
        t("VRAM is the graphics card's own memory: the more of it, the larger the models that it can draw with."),
    ),
    "network": (
        t("The same files lie in several places. Each is asked for a part of the very file that is needed."),
        t("Whatever a place sends is checked: nothing wrong can come from a mirror."),
    ),
    "place": (t("Everything lies in one folder. Deleting that folder uninstalls everything."),),
    "plan": (t("Nothing is written before Enter is pressed here."),),
    "install": (t("It may be stopped at any time; what was fetched is kept, and the next run goes on from there."),),
    "model": (
        t("A model is the file that knows how to draw. Others can be added at any time."),
        t("The demo model comes with Gesso and draws coloured shapes: enough to see that everything works."),
    ),
    "picture": (t("The picture is drawn by what was just installed, on this computer."),),
    "done": (t("`gesso` opens the home screen from now on; everything can be changed there."),),
}


@dataclass(frozen=True)
class Answers:
    """`step` is the one to go on with; what was chosen stands in config.toml, where everybody looks for it."""

    step: str = "language"
    #: "demo", a file of the catalogue, or "linked"
    model: str = "demo"
    finished: bool = False


def read_answers(workspace: Workspace) -> Answers:
    """Those of an earlier run, or none yet."""
    kept = read_typed(workspace.state / FILE, Answers) or Answers()
    return kept if kept.step in STEPS else Answers()


def keep(workspace: Workspace, answers: Answers) -> None:
    """So that the next run goes on there. A folder that cannot be written says so when something must be written."""
    with contextlib.suppress(OSError):
        write_record(workspace.state / FILE, asdict(answers))


def due(workspace: Workspace) -> bool:
    """Is this the first start, or one that was not finished?"""
    answers = read_answers(workspace)
    begun = (workspace.state / FILE).exists()
    return not answers.finished and (begun or current(workspace) is None)


def resumed(workspace: Workspace) -> Answers:
    """Where to go on: nothing is installed, drawn or opened without its step before."""
    answers = read_answers(workspace)
    if answers.finished:
        return Answers(model=answers.model)
    if answers.step == "install" or (current(workspace) is None and _after("install", answers.step)):
        return replace(answers, step="plan")
    return replace(answers, step="picture") if answers.step == "done" else answers


def after(step: str) -> str:
    """The step that follows; the last one is followed by itself."""
    names = list(STEPS)
    return names[min(names.index(step) + 1, len(names) - 1)]


def before(step: str) -> str | None:
    """The step to go back to: what was installed is not asked for again. None: there is none."""
    names = list(STEPS)
    found = {"model": "plan", "done": "model"}.get(step)
    return found or (names[names.index(step) - 1] if step != names[0] else None)


def _after(one: str, other: str) -> bool:
    names = list(STEPS)
    return names.index(other) > names.index(one)


def language_question(language: str) -> Question:
    """In both languages at once: nobody has chosen yet."""
    names = {"zh": "中文", "en": "English"}
    # As values: the catalogue has "中文" for the key that leads to the other language.
    choices = tuple(Choice(code, Text("{name}", (("name", name),))) for code, name in names.items())
    return Question(Text("{name}", (("name", "Language / 语言"),)), choices, language)
