"""What is installed for drawing, and how it will be started: in one card, or in three where there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from launcher.core.text import Text, t
from launcher.tui.state import Home, Survey
from launcher.tui.widgets.card import Card, Row, Say, rows, without_survey

if TYPE_CHECKING:
    from launcher.core.environments.installed import Installed

#: of a model that the computer's memory does not hold
SLOW = t("slow: read from the disk")


class InstalledCard(Card):
    """Environment, torch, model, profile: a line each."""

    heading = t("Installed")

    def draw(self, home: Home, say: Say) -> Content:
        """Four lines; nothing installed yet is said in words."""
        if home.survey is None:
            return without_survey(home, say)
        survey = home.survey
        return rows([_environment(survey, say), _torch(survey.installed, say), _model(home, survey, say),
                     _profile(survey, say)])  # fmt: skip


class EnvironmentCard(Card):
    """What draws is made of."""

    heading = t("Environment")

    def draw(self, home: Home, say: Say) -> Content:
        """Four lines."""
        if home.survey is None:
            return without_survey(home, say)
        survey = home.survey
        python = survey.installed.python or survey.plan.python
        return rows(
            [
                _environment(survey, say),
                (say(t("Python")), python, ""),
                _torch(survey.installed, say),
                _packages(survey, say),
            ]
        )


class ModelCard(Card):
    """What is loaded, and what there is."""

    heading = t("Model")

    def draw(self, home: Home, say: Say) -> Content:
        """The loaded one, then the names of the others."""
        if home.survey is None:
            return without_survey(home, say)
        models = home.survey.models
        loaded = home.model or say(t("none yet"))
        slow = [("", say(SLOW), "$text-warning")] if home.from_disk else []
        return rows(
            [(say(t("Loaded")), loaded, ""), *slow, (say(t("There are")), _models(models, say), "")]
            + [("", name, "$text-muted") for name in models[: 3 - len(slow)] if len(models) > 1]
        )


class ProfileCard(Card):
    """How it is started and who can reach it."""

    heading = t("Profile")

    def draw(self, home: Home, say: Say) -> Content:
        """Four lines."""
        if home.survey is None:
            return without_survey(home, say)
        survey, memory = home.survey, home.survey.plan.memory
        port = survey.options.port
        return rows(
            [
                _profile(survey, say),
                (say(t("Open to")), say(reach(survey)), ""),
                (say(t("Port")), say(t("the first free one")) if port is None else str(port), ""),
                (say(t("Memory use")), f"{memory.profile or memory.mode}, {memory.attention}", ""),
            ]
        )


def reach(survey: Survey) -> Text:
    """Who can open the page."""
    from launcher.core.serving.command_line import listens, names_for_others

    if survey.options.share:
        return t("everybody with the link")
    if listens(survey.options):
        return t("the local network")
    names = ", ".join(names_for_others(survey.options))
    return t("others too, as {names}", names=names) if names else t("this computer only")


def _environment(survey: Survey, say: Say) -> Row:
    label, installed = say(t("Environment")), survey.installed
    if installed.environment is None:
        return label, say(t("not yet")), "$text-warning"
    if not installed.verified:
        return label, say(t("half made: {name}", name=installed.environment)), "$text-warning"
    if any(step.name == "packages" for step in survey.plan.missing):
        return label, say(t("to be brought up to date")), "$text-warning"
    return label, installed.environment, ""


def _torch(installed: Installed, say: Say) -> Row:
    return say(t("Torch")), installed.torch or say(t("not yet")), "" if installed.torch else "$text-warning"


def _packages(survey: Survey, say: Say) -> Row:
    label = say(t("Packages"))
    if survey.installed.lock_sha256 is None:
        return label, say(t("not yet")), "$text-warning"
    if any(step.name == "packages" for step in survey.plan.missing):
        return label, say(t("to be brought up to date")), "$text-warning"
    return label, say(t("up to date")), "$text-success"


def _model(home: Home, survey: Survey, say: Say) -> Row:
    return say(t("Model")), home.model or _models(survey.models, say), ""


def _profile(survey: Survey, say: Say) -> Row:
    name, title = survey.options.profile, survey.title
    return say(t("Profile")), say(t("{name}: {title}", name=name, title=Text(title))) if title else name, ""


def _models(models: tuple[str, ...], say: Say) -> str:
    if len(models) == 1:
        return models[0]
    return say(t("{count} models", count=len(models)) if models else t("none yet"))
