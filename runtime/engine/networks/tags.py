"""What `<lora:…>` and `<hypernet:…>` ask for: name and strengths, positional or named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

LORA_KINDS = ("lora", "lyco")
HYPERNETWORK_KIND = "hypernet"


class Tag(Protocol):
    """`<kind:item:item:key=value>` as the prompt says it."""

    @property
    def kind(self) -> str: ...
    @property
    def items(self) -> tuple[str, ...]: ...
    @property
    def named(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class LoraWish:
    """A LoRA by stem or alias; strengths on the text models and on the U-Net; `rank` cuts its rank where given."""

    name: str
    text: float = 1.0
    unet: float = 1.0
    rank: int | None = None


@dataclass(frozen=True)
class HypernetworkWish:
    name: str
    strength: float = 1.0


@dataclass(frozen=True)
class Wishes:
    """Both in the prompt's order, and a sentence for each tag that asks for nothing known."""

    loras: tuple[LoraWish, ...] = ()
    hypernetworks: tuple[HypernetworkWish, ...] = ()
    comments: tuple[str, ...] = ()


def read_tags(tags: Sequence[Tag]) -> Wishes:
    read = [_read(tag) for tag in tags]
    return Wishes(
        tuple(wish for wish in read if isinstance(wish, LoraWish)),
        tuple(wish for wish in read if isinstance(wish, HypernetworkWish)),
        tuple(comment for comment in read if isinstance(comment, str)),
    )


def _read(tag: Tag) -> LoraWish | HypernetworkWish | str:
    """A wish, or the sentence that says why there is none."""
    try:
        if tag.kind in LORA_KINDS:
            return _lora(tag)
        if tag.kind == HYPERNETWORK_KIND:
            return HypernetworkWish(_name(tag), _number(tag, 1, "", 1.0))
    except ValueError as wrong:
        return f"<{':'.join((tag.kind, *tag.items))}> is ignored: {wrong}."
    return f"<{tag.kind}:…> is no kind of extra network; the tag is ignored."


def _lora(tag: Tag) -> LoraWish:
    text = _number(tag, 1, "te", 1.0)
    rank = _number(tag, 3, "dyn", 0.0)
    if rank != int(rank) or rank < 0:
        raise ValueError("dyn is a whole number of ranks")
    return LoraWish(_name(tag), text, _number(tag, 2, "unet", text), int(rank) or None)


def _name(tag: Tag) -> str:
    if not tag.items or not tag.items[0].strip():
        raise ValueError("it names no file")
    return tag.items[0].strip()


def _number(tag: Tag, place: int, key: str, default: float) -> float:
    """The named value wins over the positional one; an empty place is the default."""
    written = tag.named.get(key, tag.items[place] if len(tag.items) > place else "").strip()
    if not written:
        return default
    try:
        number = float(written)
    except ValueError:
        raise ValueError(f"{written} is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"{written} is no strength")
    return number
