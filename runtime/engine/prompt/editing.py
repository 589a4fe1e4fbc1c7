"""Prompt editing `[from:to:when]` and alternation `[a|b]`: which text holds at which step.

The prompt is cut into marks (brackets, colons, bars, text between them) and read once with an explicit stack. What is
read lies on a tape: strings, and jumps where a choice by the step is to be made; a text at a step is the tape played.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from runtime.request import RequestError

#: characters of all texts of one prompt together, beyond which its edits are no prompt but an accident
MOST_TEXT = 20_000_000
#: a backslash guards the sign after it, and has to have one
_MARK = re.compile(r"[\[\]():|]|(?:[^\\\[\]():|]|\\[^\n])+|\\")
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")


@dataclass(frozen=True)
class Span:
    """`text` holds for the steps up to and including `until` (from 1)."""

    until: int
    text: str


@dataclass(frozen=True)
class _Clock:
    """How a written number becomes a step: fractions of `steps`, from which `fraction` and `absolute` are taken off."""

    steps: int
    absolute: int = 0
    fraction: float = 0.0
    old: bool = False

    def step(self, written: str) -> int:
        number = float(written)
        if self.old:
            number = number * self.steps if number < 1 else number
        elif "." in written:
            number = (number - self.fraction) * self.steps
        else:
            number -= self.absolute
        return int(max(min(number, self.steps), 0))


@dataclass(slots=True, eq=False)
class _Choice:
    """A bracket whose options hold at different steps; `options` and `end` are places on the tape."""

    options: list[int]
    #: the first option holds up to this step, the second from then on; None alternates step by step
    until: int | None
    end: int

    def at(self, step: int) -> int:
        if self.until is None:
            return self.options[(step - 1) % len(self.options)]
        return self.options[0 if step <= self.until else 1]


_Tape = list["str | _Choice | _Leave"]


@dataclass(slots=True, eq=False)
class _Leave:
    """The end of an option that is not the last: go on after the choice."""

    choice: _Choice


@dataclass(slots=True)
class _Bracket:
    """An open bracket; where it and its separators, colons and bars, lie on the tape."""

    mark: str
    at: int
    separators: list[int] = field(default_factory=list)


class _UnreadableError(Exception):
    """The prompt is no sentence of this language, and is taken as it stands."""


def edit_schedule(text: str, steps: int, *, hires_steps: int | None = None, old: bool = False) -> tuple[Span, ...]:
    """The texts of a prompt, by the steps they hold for; the last span ends with the last step.

    `steps` are those of the first pass. With `hires_steps` the spans are the second pass's: there absolute numbers
    count on from the first pass and its fractions run from 1.0 to 2.0. `old` is the rule before version 1.6, by which
    numbers below 1 are fractions. A prompt that cannot be read (a `|` outside square brackets, a lone backslash) holds
    as it is for all steps. Samplers that ask the model twice per step count each asking as a step.
    Raises RequestError `prompt-too-long` where the texts come to more than MOST_TEXT characters.
    """
    second = hires_steps is not None and not old
    clock = _Clock(hires_steps or steps, absolute=steps, fraction=1.0) if second else _Clock(steps, old=old)
    try:
        tape = _read(text, clock)
    except _UnreadableError:
        return (Span(clock.steps, text),)
    return tuple(_spans(tape, clock.steps))


def _spans(tape: _Tape, steps: int) -> Iterator[Span]:
    characters = 0
    for step in _boundaries(tape, steps):
        text = _play(tape, step)
        characters += len(text)
        if characters > MOST_TEXT:
            message = f"The texts that the prompt becomes over its steps have more than {MOST_TEXT} characters."
            raise RequestError("prompt-too-long", message, "Shorten it, or edit less of it.")
        yield Span(step, text)


def _boundaries(tape: _Tape, steps: int) -> list[int]:
    """The steps at which a text ends, `steps` among them; neighbours may have the same text."""
    found = {steps}
    for choice in tape:
        if isinstance(choice, _Choice):
            if choice.until is None:
                return list(range(1, steps + 1)) or [steps]
            found.add(choice.until)
    return sorted(found - {0}) or [steps]


def _play(tape: _Tape, step: int) -> str:
    texts: list[str] = []
    at = 0
    while at < len(tape):
        piece = tape[at]
        if isinstance(piece, str):
            texts.append(piece)
            at += 1
        elif isinstance(piece, _Choice):
            at = piece.at(step)
        else:
            at = piece.choice.end
    return "".join(texts)


def _read(text: str, clock: _Clock) -> _Tape:
    """The tape of a prompt; raises _UnreadableError where a bar or a backslash has no meaning."""
    tape: _Tape = []
    stack: list[_Bracket] = []
    for found in _MARK.finditer(text):
        mark = found[0]
        if mark in ("[", "("):
            stack.append(_Bracket(mark, len(tape)))
        elif mark in ("]", ")"):
            if _closed(tape, stack, mark, clock):
                continue
        elif mark in (":", "|") and stack:
            stack[-1].separators.append(len(tape))
        elif mark in ("|", "\\"):
            raise _UnreadableError
        tape.append(mark)
    _abandon(tape, stack)
    return tape


def _closed(tape: _Tape, stack: list[_Bracket], mark: str, clock: _Clock) -> bool:
    """Does this closing bracket make a choice? If not it is text, as are the brackets that it leaves without a sense.

    A bracket that is neither emphasis nor choice makes every bracket around it mere text too.
    """
    if not stack or (stack[-1].mark == "[") != (mark == "]"):
        _abandon(tape, stack)
        return False
    bracket = stack[-1]
    signs = {tape[at] for at in bracket.separators}
    emphasis = not signs or (mark == ")" and signs == {":"} and len(bracket.separators) == 1)
    choice = mark == "]" and (
        (signs == {"|"} and _alternate(tape, bracket)) or (signs == {":"} and _edit(tape, bracket, clock))
    )
    if emphasis or choice:
        stack.pop()
    else:
        _abandon(tape, stack)
    return choice


def _abandon(tape: _Tape, stack: list[_Bracket]) -> None:
    """These brackets are text; a bar among them makes the whole prompt unreadable."""
    if any(tape[at] == "|" for bracket in stack for at in bracket.separators):
        raise _UnreadableError
    stack.clear()


def _alternate(tape: _Tape, bracket: _Bracket) -> bool:
    """`[a|b|c]`, with any number of options, empty ones too."""
    choice = _Choice([at + 1 for at in (bracket.at, *bracket.separators)], None, len(tape))
    tape[bracket.at] = choice
    for bar in bracket.separators:
        tape[bar] = _Leave(choice)
    return True


def _edit(tape: _Tape, bracket: _Bracket, clock: _Clock) -> bool:
    """`[to:when]`, `[from::when]` or `[from:to:when]`; False where there is no number after the last colon."""
    *inner, last = bracket.separators
    written = tape[-1] if len(tape) == last + 2 else None
    number = _NUMBER.fullmatch(written) if isinstance(written, str) else None
    if number is None or len(inner) > 1:
        return False
    del tape[last:]
    begin, end = bracket.at + 1, len(tape)
    choice = _Choice([begin, inner[0] + 1] if inner else [end, begin], clock.step(number[1]), end)
    tape[bracket.at] = choice
    if inner:
        tape[inner[0]] = _Leave(choice)
    return True
