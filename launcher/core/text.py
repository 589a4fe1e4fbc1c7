"""Sentences for people: an English template with its values, translated only when a front end shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Text:
    """`template` is the English sentence and the key of the catalogues; `values` fill its {names}."""

    template: str
    values: tuple[tuple[str, object], ...] = ()

    def render(self, translate: Callable[[str], str] = str) -> str:
        """The sentence in the language of `translate` (gettext's function), and so of a Text among the values."""
        filled = {name: value.render(translate) if isinstance(value, Text) else value for name, value in self.values}
        return translate(self.template).format(**filled) if filled else translate(self.template)

    def __str__(self) -> str:
        return self.render()


def t(template: str, **values: object) -> Text:
    """A sentence for the catalogues: `tools/catalogues.py` collects the first argument of every call."""
    return Text(template, tuple(values.items()))


def moment(at: str, now: datetime | None = None) -> Text:
    """An ISO 8601 moment by this computer's clock, as people say it; what is no moment stays as it is."""
    try:
        then = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return t("{text}", text=at)
    clock = f"{then:%H:%M}"
    days = ((now or datetime.now()).astimezone().date() - then.date()).days
    if days in (0, 1):
        return t("yesterday {clock}", clock=clock) if days else t("today {clock}", clock=clock)
    return t("{date} {clock}", date=then.date(), clock=clock)


def minutes_ago(seconds: float) -> Text:
    """How long since, roughly."""
    minutes = max(0, round(seconds / 60))
    if not minutes:
        return t("just now")
    return t("{minutes} min ago", minutes=minutes) if minutes < 60 else t("{hours} h ago", hours=round(minutes / 60))


@dataclass(frozen=True)
class Bilingual(Text):
    """A sentence of our data that brings its Chinese with it: `template` is English, `chinese` the same in Chinese."""

    chinese: str = ""

    def render(self, translate: Callable[[str], str] = str) -> str:
        """As Text's; `translate` tells which language is spoken."""
        return Text(self.chinese if _spoken(translate) == "zh" else self.template, self.values).render(
            # the template is said already, a Text among the values is not
            lambda sentence: sentence if sentence in (self.chinese, self.template) else translate(sentence)
        )


def _spoken(translate: Callable[[str], str]) -> str:
    """The catalogues hold the code of their own language."""
    return t("en").render(translate)
