"""One setting as people see it: its section, its label, what values it takes, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from runtime.job_options import JobOptions

JOB_DEFAULTS: Mapping[str, Any] = asdict(JobOptions())


@dataclass(frozen=True)
class Section:
    """A page of the settings: `id` is what --freeze-settings-in-sections names, `title` what the page shows."""

    id: str
    title: str


@dataclass(frozen=True)
class Setting:
    """A setting of config.json. Labels are AUTOMATIC1111's, so that its translations fit."""

    name: str
    label: str
    #: one sentence
    effect: str
    #: None: the type is not fixed
    default: Any
    section: Section
    #: what a number counts ("pixels", "steps"); "" for what is no number
    unit: str = ""
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    #: the page has to be reloaded before it shows
    reload: bool = False
    #: the API neither sets it nor takes it for a job
    private: bool = False
    #: `choices` are only what is known: other values are kept and change nothing
    open: bool = False

    @property
    def closed(self) -> bool:
        """Is any value besides the choices a fault?"""
        return bool(self.choices) and not self.open

    @property
    def kind(self) -> str:
        """bool, int, float, str or list; "any" where the default is null."""
        return "any" if self.default is None else type(self.default).__name__


def row(section: Section, name: str, label: str, effect: str, default: Any = ..., **more: Any) -> Setting:
    """A setting whose default, unless given, is the job's own."""
    return Setting(name, label, effect, JOB_DEFAULTS[name] if default is ... else default, section, **more)
