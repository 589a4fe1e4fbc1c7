"""How many tokens a prompt has and how many fit, for the page's counter."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engine.prompt.chunks import CHUNK, COMMA_REACH, Chunk, prompt_chunks
from runtime.engine.prompt.comments import without_comments
from runtime.engine.prompt.editing import edit_schedule
from runtime.engine.prompt.networks import take_networks
from runtime.engine.prompt.parts import split_parts
from runtime.engine.tokenizer import END


def count_tokens(prompt: str, steps: int, *, reach: int = COMMA_REACH) -> tuple[int, int]:
    """(used, room) of the longest text that a part of the prompt becomes over its steps; room is a multiple of 75.

    A chunk that is not the last counts 75 however much of it is padding. Raises RequestError like `edit_schedule`.
    """
    text, _ = take_networks(without_comments(prompt))
    texts = dict.fromkeys(span.text for part in split_parts(text) for span in edit_schedule(part.text, steps))
    used = max(_used(prompt_chunks(one, reach=reach)) for one in texts)
    return used, -(-max(used, 1) // CHUNK) * CHUNK


def _used(chunks: Sequence[Chunk]) -> int:
    return CHUNK * (len(chunks) - 1) + chunks[-1].ids.index(END) - 1
