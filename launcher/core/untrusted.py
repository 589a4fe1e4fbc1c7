"""Text from elsewhere (names of cards and files, logs, what programs say) without what a terminal would obey. Pure."""

from __future__ import annotations

import re

# As ECMA-48 has them, with ESC or with one sign of C1: CSI (colours, cursor), strings (titles, links, the clipboard),
# then two signs alone. No part looks beyond the next beginning, so that a hostile text costs no more than its length.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f\n]*(?:\x07|\x1b\\|\x9c)"
)
#: marks that reorder what stands beside them, or end a line, could make it read as something else
MISLEADING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x2028, 0x2029)
_REMOVED = dict.fromkeys([*range(9), *range(11, 32), *range(0x7F, 0xA0)])
_REPLACED = dict.fromkeys([*MISLEADING, *range(0xD800, 0xE000)], "\ufffd")


def harmless(text: str) -> str:
    """`text` with line feeds and tabulators as its only control characters, and read from left to right."""
    if text.isascii() and text.isprintable():
        return text
    return _SEQUENCES.sub("", text).translate(_REMOVED | _REPLACED)
