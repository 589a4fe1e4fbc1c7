"""A question of the guided install, as data: a screen draws it, a line mode reads it out."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.text import Text


@dataclass(frozen=True)
class Choice:
    """One answer; one that cannot be given says why in `refused`."""

    name: str
    title: Text
    detail: tuple[Text, ...] = ()
    refused: Text | None = None


@dataclass(frozen=True)
class Question:
    """`default` is the name of the choice that a bare Enter gives."""

    asked: Text
    choices: tuple[Choice, ...]
    default: str

    def find(self, name: str) -> Choice | None:
        """The choice of this name, where it can be given."""
        return next((each for each in self.choices if each.name == name and each.refused is None), None)

    def numbered(self, number: int) -> Choice | None:
        """Choice `number`, counted from 1, where it can be given."""
        if not 0 < number <= len(self.choices):
            return None
        return self.find(self.choices[number - 1].name)
