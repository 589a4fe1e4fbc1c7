"""Sentences for people: an English template with its values, translated only when a front end shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


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
