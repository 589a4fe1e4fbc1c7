"""A question of the guided install: its choices under each other, each with what should be known of it."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from launcher.core.setup.question import Choice, Question
from launcher.core.text import t
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say


class ChoiceList(OptionList):
    """Enter, a click or the choice's number gives it; one that cannot be given is shown with the reason."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, markup=False)
        self._question: Question | None = None
        self._say: Say = str

    def show(self, question: Question, say: Say) -> None:
        """Draw the question; what was highlighted stays so when it is said in another language."""
        before = self.chosen if self._question else None
        self._question, self._say = question, say
        self.border_title = say(question.asked)
        self.clear_options()
        self.add_options(
            Option(_drawn(number, each, say, here=False), id=each.name, disabled=each.refused is not None)
            for number, each in enumerate(question.choices, 1)
        )
        names = [each.name for each in question.choices]
        wanted = before if before in names else question.default
        self.highlighted = names.index(wanted) if wanted in names else None

    def watch_highlighted(self, highlighted: int | None) -> None:
        """A mark goes along: the colour alone must not say it."""
        super().watch_highlighted(highlighted)
        choices = self._question.choices if self._question else ()
        for index, each in enumerate(choices[: self.option_count]):
            self.replace_option_prompt_at_index(index, _drawn(index + 1, each, self._say, here=index == highlighted))

    @property
    def chosen(self) -> str | None:
        """The name of the choice that Enter would give."""
        option = self.highlighted_option
        return option.id if option and not option.disabled else None

    def take(self, number: int) -> str | None:
        """Highlight choice `number`; its name, None where there is none that can be given."""
        choice = self._question.numbered(number) if self._question else None
        if choice is None or self._question is None:
            return None
        self.highlighted = self._question.choices.index(choice)
        return choice.name


def _drawn(number: int, choice: Choice, say: Say, *, here: bool) -> Content:
    lines = [Content.assemble("▶" if here else " ", (f"{number}  ", "bold"), (plain(say(choice.title)), "bold"))]
    lines += [Content.styled(f"    {plain(say(each))}", "$text-muted") for each in choice.detail]
    if choice.refused:
        lines.append(Content.styled(plain("    " + say(t("Not possible: {why}", why=choice.refused))), "$text-warning"))
    return Content("\n").join(lines)
