"""CLIP's byte-pair tokenizer, built from the merge table in runtime/assets by the `tokenizers` library."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from runtime.engine.cleaning import cleaned

MERGES_FILE = Path(__file__).resolve().parent.parent / "assets" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
START = 49406
END = 49407
#: the table has more lines than CLIP uses: with 512 letters and two marks they make its 49408 ids
MERGE_COUNT = 49408 - 512 - 2
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def _byte_letters() -> list[str]:
    """The printable letter that stands for each byte, in the order of CLIP's vocabulary (Radford et al., GPT-2)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + k) for k in range(len(hidden))]


@cache
def clip_tokenizer() -> Tokenizer:
    """Ids 0 to 49405 are text, 49406 starts and 49407 ends a text; neither is added by `encode`."""
    with gzip.open(MERGES_FILE, "rt", encoding="utf-8") as lines:
        table = lines.read().split("\n")[1 : MERGE_COUNT + 1]
    merges = [(left, right) for left, right in (line.split() for line in table)]
    letters = _byte_letters()
    words = letters + [letter + "</w>" for letter in letters] + [left + right for left, right in merges]
    vocabulary = {word: index for index, word in enumerate(words)}
    vocabulary |= {"<|startoftext|>": START, "<|endoftext|>": END}
    unknown = "<|endoftext|>"
    model = models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=unknown)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


def token_ids(text: str) -> list[int]:
    """Ids of `text` alone: no start, no end, no padding, no truncation."""
    ids: list[int] = clip_tokenizer().encode(cleaned(text), add_special_tokens=False).ids
    return ids
