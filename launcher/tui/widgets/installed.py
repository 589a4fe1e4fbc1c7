"""What is installed for drawing."""

from __future__ import annotations

from textual.content import Content

from launcher.core.environments.installed import Installed
from launcher.core.text import t
from launcher.tui.state import Home, Survey
from launcher.tui.widgets.card import Card, Row, Say, rows


class InstalledCard(Card):
    """Environment, torch, packages, model."""

    heading = t("Installed")

    def draw(self, home: Home, say: Say) -> Content:
        """Four lines; nothing installed yet is said in words."""
        if home.survey is None:
            return Content(say(t("Looking …")))
        installed = home.survey.installed
        return rows(
            [
                _environment(installed, say),
                (say(t("Torch")), installed.torch or say(t("not yet")), "" if installed.torch else "$text-warning"),
                _packages(home.survey, say),
                (say(t("Model")), home.model or _models(home.survey.models, say), ""),
            ]
        )


def _environment(installed: Installed, say: Say) -> Row:
    label = say(t("Environment"))
    if installed.environment is None:
        return label, say(t("not yet")), "$text-warning"
    if not installed.verified:
        return label, say(t("half made: {name}", name=installed.environment)), "$text-warning"
    return label, installed.environment, ""


def _packages(survey: Survey, say: Say) -> Row:
    label = say(t("Packages"))
    if survey.installed.lock_sha256 is None:
        return label, say(t("not yet")), "$text-warning"
    if any(step.name == "packages" for step in survey.plan.missing):
        return label, say(t("to be brought up to date")), "$text-warning"
    return label, say(t("up to date")), "$text-success"


def _models(models: tuple[str, ...], say: Say) -> str:
    if len(models) == 1:
        return models[0]
    return say(t("{count} models", count=len(models)) if models else t("none yet"))
