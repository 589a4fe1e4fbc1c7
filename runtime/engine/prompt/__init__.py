"""The prompt's language, from a request's text to chunks of tokens; knows nothing of torch.

In this order: comments, tags of extra networks, AND, editing and alternation, emphasis and BREAK, tokens and chunks.
"""

from runtime.engine.prompt.chunks import CHUNK, EMPTY, Book, Chunk, Embedding, chunks_of, comma_id, prompt_chunks
from runtime.engine.prompt.comments import without_comments
from runtime.engine.prompt.counting import count_tokens
from runtime.engine.prompt.editing import Span, edit_schedule
from runtime.engine.prompt.emphasis import Break, Run, parse_emphasis
from runtime.engine.prompt.networks import NetworkTag, take_networks
from runtime.engine.prompt.parts import Part, count_parts, needs_no_negative, split_parts

__all__ = [
    "CHUNK",
    "EMPTY",
    "Book",
    "Break",
    "Chunk",
    "Embedding",
    "NetworkTag",
    "Part",
    "Run",
    "Span",
    "chunks_of",
    "comma_id",
    "count_parts",
    "count_tokens",
    "edit_schedule",
    "needs_no_negative",
    "parse_emphasis",
    "prompt_chunks",
    "split_parts",
    "take_networks",
    "without_comments",
]
