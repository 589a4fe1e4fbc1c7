"""Characters that CLIP never saw, as those it was trained on.

CLIP's and OpenCLIP's own tokenizers clean each text with the library ftfy; here are the parts of that which a prompt
meets: full-width letters and signs, curly quotes, ligatures, HTML entities, control characters. Its guesses at wrongly
decoded text are left out.
"""

from __future__ import annotations

import html
import unicodedata
from functools import cache

_FULL_WIDTH = range(0xFF01, 0xFFF0)
_LIGATURES = (*range(0xFB00, 0xFB07), *range(0x132, 0x134), *range(0x1C4, 0x1CD), *range(0x1F1, 0x1F4))
_CONTROL = (
    *(code for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\f\r"),
    *(*range(0x206A, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC)),
)


@cache
def _table() -> dict[int, str | None]:
    plain = {code: unicodedata.normalize("NFKC", chr(code)) for code in (*_FULL_WIDTH, *_LIGATURES)}
    single = dict.fromkeys((0x2BC, *range(0x2018, 0x201C)), "'")
    double = dict.fromkeys(range(0x201C, 0x2020), '"')
    return {0x3000: " ", **plain, **single, **double, **dict.fromkeys(_CONTROL)}


def cleaned(text: str) -> str:
    """`text` as the tokenizer reads it: “，” is a comma, “’” an apostrophe, half a UTF-16 pair becomes “�”."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "&" in text and "<" not in text:
        text = html.unescape(text)
    return text.translate(_table())
