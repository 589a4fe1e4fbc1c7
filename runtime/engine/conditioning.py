"""Prompts to what guides the U-Net: for each part of the prompt and each step, states of the text models."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from runtime.engine.prompt import EMPTY, Book, Chunk, Span, edit_schedule, prompt_chunks, split_parts
from runtime.engine.text_states import TextEncoder, text_encoders
from runtime.engine.traits import Traits
from runtime.engine.weighing import weighted
from runtime.job_options import JobOptions
from runtime.request import RequestError

#: chunks of all texts of one prompt together; their states are held in memory
MOST_CHUNKS = 2_000


@dataclass(frozen=True)
class Condition:
    """What the U-Net is told of one text, in float32; a picture's size and score only with SDXL."""

    #: (1, 77 * chunks, width)
    states: Tensor
    #: (1, projection)
    pooled: Tensor | None = None
    #: (1, 6): original height and width, crop's top and left, target height and width; the refiner's (1, 5) ends
    #: with an aesthetic score in place of the target
    time_ids: Tensor | None = None


@dataclass(frozen=True)
class Timeline:
    """Conditions, each with the last step that it holds for; all equally long."""

    spans: tuple[tuple[int, Condition], ...]

    def at(self, call: int) -> Condition:
        """What holds at the `call`-th asking of the model, from 0.

        Calls count from 0 and steps from 1, so that every change comes one call late, as it does in AUTOMATIC1111;
        after the last span (samplers that choose their own number of steps) the first holds again, as there.
        """
        return next((condition for until, condition in self.spans if call <= until), self.spans[0][1])


@dataclass(frozen=True)
class Guidance:
    """negative + scale * sum of weight * (part - negative); the parts are equally long, the negative need not be."""

    parts: tuple[tuple[Timeline, float], ...]
    negative: Timeline
    #: names and hashes (twelve digits) of the embeddings that the prompts name, in their order
    embeddings: tuple[tuple[str, str], ...] = ()
    #: was one side filled up to the length of the other?
    padded: bool = False
    #: are there edits that the rule before version 1.6 reads in another way, and did it read them?
    old_rule: bool = False
    #: sentences for the user
    comments: tuple[str, ...] = ()


def encode(
    texts: Sequence[Any],
    traits: Traits,
    prompt: str,
    negative: str,
    steps: int,
    options: JobOptions,
    embeddings: Book | None,
    device: torch.device,
    *,
    size: tuple[int, int],
    hires_steps: int | None = None,
) -> Guidance:
    """Both prompts, comments and tags already removed, for `steps` askings of the model (see `edit_schedule`).

    `texts` are the checkpoint's text models on `device`, `size` the picture's (width, height) in pixels. Raises
    RequestError `prompt-weight` if weights blow the states up, `prompt-too-long` if the texts are too many.
    """
    desk = _Desk(text_encoders(texts, traits, options), options, embeddings, device)
    course = _Course(desk, traits, options, steps, hires_steps, size, device)
    written = split_parts(prompt)
    parts = [(course.timeline(part.text), part.weight) for part in written]
    longest = max(_length(one) for one, _ in parts)
    guidance = Guidance(
        tuple((_lengthened(one, longest), weight) for one, weight in parts),
        course.timeline(negative, negative=True),
        tuple(desk.used.items()),
        old_rule=options.use_old_scheduling and course.rules_differ([*(part.text for part in written), negative]),
        comments=tuple(desk.remarks),
    )
    return _padded(guidance, desk.conditions([""])[0]) if options.pad_cond_uncond else guidance


def longest_text(
    prompt: str, negative: str, steps: int, options: JobOptions, embeddings: Book | None, hires_steps: int | None = None
) -> int:
    """Chunks of the longest text that `encode` will read, asked as it is and raising the same; no model is needed."""
    texts, old = [*(part.text for part in split_parts(prompt)), negative], options.use_old_scheduling
    edits = (edit_schedule(text, steps, hires_steps=hires_steps, old=old) for text in texts)
    return max(
        _longest([_chunks(text, options, embeddings) for text in dict.fromkeys(span.text for span in spans)])
        for spans in edits
    )


def _longest(rows: Collection[Sequence[Chunk]]) -> int:
    """Of the texts that one prompt becomes over its steps; all are filled up to it."""
    longest = max(map(len, rows))
    if longest * len(rows) > MOST_CHUNKS:
        message = f"The texts that the prompt becomes over its steps fill more than {MOST_CHUNKS} chunks of tokens."
        raise RequestError("prompt-too-long", message, "Shorten it, or edit less of it.")
    return longest


def _chunks(text: str, options: JobOptions, book: Book | None) -> tuple[Chunk, ...]:
    return prompt_chunks(text, options.emphasis, options.comma_padding_backtrack, book)


@dataclass(frozen=True)
class _Course:
    """The steps of one run, and how a prompt goes through them."""

    desk: _Desk
    traits: Traits
    options: JobOptions
    steps: int
    hires_steps: int | None
    size: tuple[int, int]
    device: torch.device

    def timeline(self, text: str, negative: bool = False) -> Timeline:
        spans = self._spans(text, self.options.use_old_scheduling)
        made = self.desk.conditions([span.text for span in spans])
        if negative and self.traits.family.startswith("sdxl") and not any(span.text for span in spans):
            made = _each(made, _zero)
        ids = _time_ids(self.traits, self.options, self.size, negative, self.device)
        made = _each(made, lambda condition: replace(condition, time_ids=ids))
        return Timeline(tuple(zip((span.until for span in spans), made, strict=True)))

    def rules_differ(self, texts: Sequence[str]) -> bool:
        """Does it matter whether the old rule of prompt editing or the new one reads these texts?"""
        return any(self._spans(text, old=True) != self._spans(text, old=False) for text in texts)

    def _spans(self, text: str, old: bool) -> tuple[Span, ...]:
        return edit_schedule(text, self.steps, hires_steps=self.hires_steps, old=old)


class _Desk:
    """Encodes each chunk of a job once."""

    def __init__(
        self, encoders: Sequence[TextEncoder], options: JobOptions, book: Book | None, device: torch.device
    ) -> None:
        self._encoders, self._options, self._book, self._device = encoders, options, book, device
        self._states: dict[Any, list[tuple[Tensor, Tensor | None]]] = {}
        self.used: dict[str, str] = {}
        self.remarks: dict[str, None] = {}

    def conditions(self, texts: Sequence[str]) -> list[Condition]:
        """One for each of the texts that one prompt becomes over its steps.

        The shorter ones are filled up with empty chunks, and "Original" emphasis keeps the mean that the texts have
        together, chunk by chunk.
        """
        chunks = {text: self._chunks(text) for text in dict.fromkeys(texts)}
        longest = _longest(chunks.values())
        rows = [(*chunks[text], *(EMPTY,) * (longest - len(chunks[text]))) for text in chunks]
        counts = [float(texts.count(text)) for text in chunks]
        made = [
            [self._weighted(number, column, counts) for column in zip(*rows, strict=True)]
            for number in range(len(self._encoders))
        ]
        by_text = {text: self._joined(made, place, rows[place][0]) for place, text in enumerate(chunks)}
        return [by_text[text] for text in texts]

    def _chunks(self, text: str) -> tuple[Chunk, ...]:
        chunks = _chunks(text, self._options, self._book)
        self.used |= {one.name: one.sha12 for chunk in chunks for _, one in chunk.embeddings}
        if self._book:
            self.remarks |= dict.fromkeys(self._book.remarks([token for chunk in chunks for token in chunk.ids]))
        return chunks

    def _encoded(self, chunk: Chunk) -> list[tuple[Tensor, Tensor | None]]:
        key = (chunk.ids, tuple((at, embedding.name) for at, embedding in chunk.embeddings))
        if key not in self._states:
            self._states[key] = [encoder.run(chunk, self._device) for encoder in self._encoders]
        return self._states[key]

    def _weighted(self, encoder: int, chunks: Sequence[Chunk], counts: Sequence[float]) -> list[Tensor]:
        states = [self._encoded(chunk)[encoder][0] for chunk in chunks]
        if self._options.emphasis in ("Ignore", "None"):
            return states
        return weighted(states, [chunk.weights for chunk in chunks], counts, self._options.emphasis != "No norm")

    def _joined(self, made: Sequence[Sequence[Sequence[Tensor]]], place: int, first: Chunk) -> Condition:
        """Chunks along the tokens, text models along the width; pooled is the first chunk's."""
        states = torch.cat([torch.cat([column[place] for column in columns], dim=1) for columns in made], dim=2)
        if not torch.isfinite(states).all():
            raise RequestError(
                "prompt-weight",
                "The weights in the prompt multiply to a number that the model cannot use.",
                "Use fewer brackets or smaller weights.",
            )
        return Condition(states, self._encoded(first)[-1][1])


def _zero(condition: Condition) -> Condition:
    """SDXL was trained to have no negative prompt as nothing at all."""
    pooled = None if condition.pooled is None else torch.zeros_like(condition.pooled)
    return Condition(torch.zeros_like(condition.states), pooled)


def _time_ids(
    traits: Traits, options: JobOptions, size: tuple[int, int], negative: bool, device: torch.device
) -> Tensor | None:
    width, height = size
    crop = (options.sdxl_crop_top, options.sdxl_crop_left)
    if traits.family == "sdxl":
        values: tuple[float, ...] = (height, width, *crop, height, width)
    elif traits.family == "sdxl-refiner":
        low, high = options.sdxl_refiner_low_aesthetic_score, options.sdxl_refiner_high_aesthetic_score
        values = (height, width, *crop, low if negative else high)
    else:
        return None
    return torch.tensor([values], dtype=torch.float32, device=device)


def _length(timeline: Timeline) -> int:
    return timeline.spans[0][1].states.shape[1]


def _lengthened(timeline: Timeline, tokens: int) -> Timeline:
    """The last token's state again and again, as AUTOMATIC1111 fills up the shorter parts of AND."""
    missing = tokens - _length(timeline)
    if not missing:
        return timeline
    return _appended(timeline, lambda states: states[:, -1:].expand(-1, missing, -1))


def _padded(guidance: Guidance, empty: Condition) -> Guidance:
    """pad_cond_uncond: whichever side is shorter gets empty chunks."""
    positive, negative = _length(guidance.parts[0][0]), _length(guidance.negative)
    chunks = abs(positive - negative) // empty.states.shape[1]

    def longer(timeline: Timeline) -> Timeline:
        return _appended(timeline, lambda _: empty.states.repeat(1, chunks, 1))

    if not chunks:
        return guidance
    if positive < negative:
        return replace(guidance, parts=tuple((longer(one), weight) for one, weight in guidance.parts), padded=True)
    return replace(guidance, negative=longer(guidance.negative), padded=True)


def _appended(timeline: Timeline, more: Callable[[Tensor], Tensor]) -> Timeline:
    """Each condition with `more` of its states after them."""
    untils, conditions = zip(*timeline.spans, strict=True)

    def longer(one: Condition) -> Condition:
        return replace(one, states=torch.cat([one.states, more(one.states)], dim=1))

    return Timeline(tuple(zip(untils, _each(conditions, longer), strict=True)))


def _each(conditions: Sequence[Condition], change: Callable[[Condition], Condition]) -> list[Condition]:
    """What they become. One that comes again stays one, by which its keys and values are found again."""
    changed = {key: change(one) for key, one in {id(one): one for one in conditions}.items()}
    return [changed[id(one)] for one in conditions]
