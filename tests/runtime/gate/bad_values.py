"""Values that no field expects, by chance, and JSON that json.dumps would not write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Raw:
    """Stands in JSON as it is."""

    text: str


NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 2**1023, 0.1, -0.0,
    5e-324, 1e308, -1e308, 1.5, 63, 64, 8192, 8193, 1e-9, Raw("NaN"), Raw("Infinity"), Raw("-Infinity"), Raw("1e400"),
    Raw("-1e400"), Raw("9" * 400), Raw("9" * 5000), Raw("-" + "9" * 5000), Raw("1." + "0" * 5000 + "1"),
    Raw("1E+0000000005"),
)  # fmt: skip
TEXTS: tuple[str, ...] = (
    "", " ", "\0", "a\0b", "\ud800", "\udc00\ud800", "a\ud83d", "\ufeff", "\ufffe", "\u202etxt.exe", "é" * 300,
    "图" * 5000,
    "👩‍👩‍👧‍👦" * 50, "\u200b", "\r\n\r\n", "a\r\nSet-Cookie: x=1", "null", "None", "none", "true", "False", "0", "-1",
    "1e5",
    "NaN", "inf", "-inf", "0x10", "1_000", " 12 ", "٣", "²", "1" * 4500, "[]", "{}", "[" * 3000, "(" * 3000,
    "(a:1e999)",
    "(a:nan)", "((a:-1e309)", "[a:b:", "[a:b:1e99]", "[a|b|]", "<lora:", "<lora:x:nan>", "<lora:x:1:2:3:4>" * 50,
    "<hypernet:a:inf>", "a AND b :-1e99 AND", "BREAK " * 200, "{prompt}", "{0.__class__}", "%s%n%x", "${7*7}",
    "{{7*7}}",
    "$(reboot)", "`id`", "; drop table", "' or 1=1 --", "<script>alert(1)</script>", "<!--", "]]>", "__proto__",
    "constructor", "https://127.0.0.1:1/x.png", "file:///etc/hosts", "ftp://a", "data:,", "data:image/png;base64,",
    "data:image/png;base64,!!!!", "data:image/svg+xml;base64,PHN2Zy8+", "//evil.example/x", "\\\\evil\\share",
    "C:\\con",
    "../../../etc/passwd", "~root", "x" * 100_000, "Steps: 1, Size: 0x0",
    "a\nSteps: x, Seed: " + "9" * 5000 + ", Size: axb",
    "a\nNegative prompt: b\nSteps: 1e9, CFG scale: nan, Sampler: , Hires upscale: inf, Size: 64x" + "9" * 50, "Euler a",
    "DPM++ 2M Karras", "Karras", "Latent", "Lanczos", "Use same sampler", "model.safetensors", "[[[[a]:0.1]:0.2]:x]",
    "\x1b[2J",
)  # fmt: skip
#: few, so that what a server keeps of them stays small
NAMES: tuple[str, ...] = (
    "", "a", "\0", "\ud800", "__class__", "__proto__", "图", "x" * 300, "sd_vae", "sd_model_checkpoint", "eta_ddim",
    "CLIP_stop_at_last_layers", "samples_format", "outdir_samples", "samples_filename_pattern", "live_previews_enable",
    "show_progress_every_n_steps", "jpeg_quality", "enable_emphasis", "face_restoration_model",
    "img2img_background_color",
    "img2img_color_correction", "inpainting_mask_weight", "s_tmax", "rho", "eta_noise_seed_delta", "data", "name",
    "args",
    "prompt", "width",
)  # fmt: skip


def anything(chance: Random, deep: int = 3) -> Any:
    """Any value that JSON has, lists and objects included."""
    kind = chance.randrange(10 if deep else 6)
    if kind < 2:
        return chance.choice(NUMBERS)
    if kind < 4:
        return chance.choice(TEXTS)
    if kind == 4:
        return chance.choice((None, True, False))
    if kind == 5:
        return chance.choice((chance.randint(-(2**70), 2**70), chance.uniform(-1e9, 1e9), letters(chance)))
    if kind < 8:
        return [anything(chance, deep - 1) for _ in range(chance.choice((0, 1, 2, 5)))]
    if kind == 8:
        return {chance.choice(NAMES): anything(chance, deep - 1) for _ in range(chance.choice((0, 1, 3)))}
    return nested(chance)


def letters(chance: Random) -> str:
    """A text of any letters, halves of pairs among them."""
    ranges = ((0, 127), (128, 0x7FF), (0xD7F0, 0xE010), (0x2000, 0x206F), (0x1F300, 0x1F900))
    return "".join(chr(chance.randint(*chance.choice(ranges))) for _ in range(chance.choice((1, 4, 30, 300))))


def nested(chance: Random) -> Raw:
    """A value inside many lists or objects; sometimes one that never closes."""
    deep = chance.choice((20, 63, 64, 65, 66, 300, 990, 5000, 100_000))
    before, after = chance.choice((("[", "]"), ('{"a":', "}"), ('[{"args":', "}]")))
    return Raw(before * deep + "1" + after * (deep if chance.random() < 0.8 else deep - 1))


def written(value: Any) -> str:
    """As JSON, with whatever `Raw` holds."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def _doubled(text: str, chance: Random) -> bytes:
    inner = text.strip()[1:-1]
    return ("{" + inner + "," + inner + "}").encode()


def _cut(text: str, chance: Random) -> bytes:
    return text.encode()[: chance.randint(0, len(text))]


def _strewn(text: str, chance: Random) -> bytes:
    found = bytearray(text.encode())
    for _ in range(chance.randint(1, 5)):
        place = chance.randint(0, len(found))
        found[place:place] = chance.choice(
            (b"\x00", b"\xff", b'"', b"\\", b"{", b",", b"\xed\xa0\x80", b"\xc0\xae", b"\n", b"//")
        )
    return bytes(found)


#: what JSON may become on its way
SPOILT: tuple[Callable[[str, Random], bytes], ...] = (
    _doubled, _cut, _strewn,
    lambda text, _: b"\xef\xbb\xbf" + text.encode(),
    lambda text, _: text.encode("utf-16"),
    lambda text, _: text.encode("utf-32"),
    lambda text, _: text.encode() + b"x",
    lambda text, _: text.encode() * 2,
    lambda text, _: text.replace('"', "'").encode(),
    lambda text, chance: bytes(chance.randrange(256) for _ in range(chance.choice((1, 10, 500)))),
    lambda text, _: b"",
    lambda text, _: b" " * 10_000 + text.encode(),
    lambda text, _: ("/*c*/" + text).encode(),
    lambda text, _: json.dumps(text).encode(),
    lambda text, chance: b"[" * chance.choice((1000, 100_000)),
    lambda text, chance: b'{"a":' * chance.choice((1000, 100_000)),
)  # fmt: skip
