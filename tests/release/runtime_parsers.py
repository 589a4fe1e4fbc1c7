"""The runtime's readers of what strangers write: prompts, infotexts, pictures, model files, styles, flags."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import base64
import io
import pickle
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

from PIL import Image

from runtime.api.pictures import decode_picture
from runtime.engine.images import encode, read_image, texts_of
from runtime.engine.networks.tags import read_tags
from runtime.engine.pickles.torch_file import read_torch_file
from runtime.engine.pickles.unpickle import PickleError
from runtime.flags import UsageError, read_flags
from runtime.infotext import DEFAULTS, parameters, parse_infotext, to_fields, with_defaults, write_infotext
from runtime.infotext.carriers import read_infotext
from runtime.infotext.fields import hashes_of, with_local_names
from runtime.request import RequestError
from runtime.safetensors_header import read_header
from runtime.styles import StyleBook
from tests.release.target import Target, text_of, words

_FOLDER = tempfile.TemporaryDirectory(prefix="gesso-parsers-")
_FILE = Path(_FOLDER.name) / "file"

INFOTEXT = b"""masterpiece, <lora:ink:0.8> a cat
Negative prompt: blurry, bad
Steps: 25, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567890, Size: 512x768, Model hash: 6ce0161689, \
Clip skip: 2, Hires resize: 0x0, Hires upscale: 1.5, Lora hashes: "ink: 0123456789ab, other: ba98", \
Hypernet: anime, First pass size: 0x0, Version: v1.10.1-225-gabcdef0"""


def written(data: bytes) -> Path:
    _FILE.write_bytes(data)
    return _FILE


# -- prompts


def prompt(data: bytes) -> None:
    from runtime.engine.prompt import edit_schedule, prompt_chunks, split_parts, take_networks, without_comments

    steps = data[0] if data else 0
    text, tags = take_networks(without_comments(text_of(data[1:])))
    read_tags(tags)
    for part in split_parts(text)[:20]:
        for old, hires in ((False, None), (True, None), (False, steps // 2)):
            spans = edit_schedule(part.text, steps, old=old, hires_steps=hires)
            assert [span.until for span in spans] == sorted({span.until for span in spans})
        for span in spans[:3]:
            chunks = prompt_chunks(span.text)
            assert all(len(chunk.ids) == len(chunk.weights) for chunk in chunks)


def tags(data: bytes) -> None:
    """The same without the tokenizer, which is none of ours."""
    from runtime.engine.prompt.editing import edit_schedule
    from runtime.engine.prompt.emphasis import parse_emphasis
    from runtime.engine.prompt.networks import take_networks

    text, found = take_networks(text_of(data))
    read_tags(found)
    for span in edit_schedule(text, 7)[:7]:
        parse_emphasis(span.text)


# -- infotext


def infotext(data: bytes) -> None:
    found = parse_infotext(text_of(data))
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in found.items())
    to_fields(found)
    to_fields(with_defaults(found))
    assert set(DEFAULTS) - {"Emphasis"} <= set(parameters(found))
    hashes = hashes_of(found.get("Lora hashes", ""))
    with_local_names(found["Prompt"], hashes, lambda digits: "name" if digits else None)
    first, second = found["Prompt"], found["Negative prompt"]
    items = {key: value for key, value in found.items() if key not in ("Prompt", "Negative prompt")}
    # what was read and is written again reads as the same
    if len(items) >= 3:
        again = parse_infotext(write_infotext(first, second, items))
        assert again["Prompt"].split() == first.split() or "Negative prompt:" in first or "Hypernet" in items, again


# -- pictures


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _picture_around(data: bytes) -> bytes:
    """The first byte says which carrier the rest is put into, soundly; 7 is the bytes as they are."""
    mode, rest = (data[0] % 8, data[1:]) if data else (7, b"")
    blank = Image.new("RGB", (2, 2))
    buffer = io.BytesIO()
    if mode in (0, 1, 2, 3):
        kind = (b"tEXt", b"iTXt", b"zTXt", b"eXIf")[mode]
        rest = b"parameters\0\0" + zlib.compress(rest) if mode == 2 else rest
        blank.save(buffer, "PNG")
        png = buffer.getvalue()
        return png[:33] + _chunk(kind, rest) + png[33:]
    if mode in (4, 5):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = rest[:30_000]
        blank.save(buffer, "JPEG" if mode == 4 else "WEBP", exif=exif)
        return buffer.getvalue()
    if mode == 6:
        blank.convert("P").save(buffer, "GIF", comment=rest[:200])
        return buffer.getvalue()
    return rest


def picture_text(data: bytes) -> None:
    picture = _picture_around(data)
    try:
        text, items = read_infotext(picture, ("PNG", "JPEG", "WEBP", "GIF", "BMP"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return
    assert isinstance(text, str)
    assert all(isinstance(value, str) for value in items.values())
    parse_infotext(text)
    texts_of(read_image(picture))


def api_picture(data: bytes) -> None:
    """Base64 as clients send it; a picture that is taken can be read."""
    mode, rest = (data[0] % 4, data[1:]) if data else (0, b"")
    if mode == 0:
        text = text_of(rest)
    else:
        prefix = ("", "data:image/png;base64,", "DATA:image/x+y;base64,")[mode - 1]
        text = prefix + base64.b64encode(_picture_around(rest) if mode > 1 else rest).decode()
    read_image(decode_picture(text, "init_images"))


# -- model files


def header(data: bytes) -> None:
    """The first byte: 0 to 3 a sound length and as many bytes as the header asks for, else the bytes as they are."""
    mode, rest = (data[0] % 5, data[1:]) if data else (4, b"")
    file = struct.pack("<Q", len(rest)) + rest + bytes(mode * 4) if mode < 4 else rest
    found = read_header(written(file), "model")
    assert all(0 <= start <= end <= len(file) for start, end in found.spans.values())


def torch_file(data: bytes) -> None:
    """The first byte: 0 a pickle in a zip, 1 in the older stream, else the bytes as they are."""
    mode, rest = (data[0] % 3, data[1:]) if data else (2, b"")
    if mode == 0:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a/data.pkl", rest)
            archive.writestr("a/data/0", bytes(64))
        rest = buffer.getvalue()
    elif mode == 1:
        magic = b"".join(pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {}))
        rest = magic + rest
    read_torch_file(rest)


def _weights() -> bytes:
    """A state dictionary as torch writes it, with one tensor of 4 × 2."""
    return (
        b"\x80\x02}q\x00X\x06\x00\x00\x00weightq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storage"
        b"q\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x08tq\x07QK\x00K\x04K\x02"
        b"\x86q\x08K\x02K\x01\x86q\t\x89ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\rs."
    )


# -- styles and flags


def styles(data: bytes) -> None:
    book = StyleBook((written(data),))
    found = book.styles()
    names = [style.name for style in found][:5]
    book.merged("a cat", "bad", names)
    book.found_in("a cat, of glass", "bad")


def flags(data: bytes) -> None:
    text = text_of(data)
    read_flags(text.split("\0")[1:], {"COMMANDLINE_ARGS": text.split("\0")[0]})


_PNG = encode(Image.new("RGB", (2, 2), "red"), "png", {"parameters": "a\nSteps: 1, Sampler: Euler, Seed: 2"})
_JPEG = encode(Image.new("RGB", (2, 2), "red"), "jpeg", {"parameters": "a\nSteps: 1, Sampler: Euler, Seed: 2"})
_PROMPT_WORDS = words(
    "[ ] ( ) : | \\ # < > = , AND BREAK cat <lora: <hypernet: :0.8> :1.3) [a|b] [a:b:0.5] [a::3] te= unet= dyn= 1e3 .5"
    " -1 nan inf 红 \\( (( )) [[ ]] :-1:"
)
TARGETS = {
    "prompt": Target(
        prompt, (b"\x14a (cat:1.2) [dog|fox] [a:b:0.5] AND c :2 BREAK <lora:x:1:te=2>",), _PROMPT_WORDS,
        (RequestError,), ("runtime/engine/prompt/", "runtime/engine/networks/tags", "runtime/engine/tokenizer"),
    ),
    "network tags": Target(
        tags, (b"<lora:ink:0.8:1:dyn=4> <hypernet:a:1> <lyco:b:te=.5:unet=1e3>",), _PROMPT_WORDS,
        (RequestError,), ("runtime/engine/networks/tags", "runtime/engine/prompt/"),
    ),
    "infotext": Target(
        infotext, (INFOTEXT,),
        words('Steps: Sampler: Size: Seed: "\\" \\u0000 {"a":1} , : x 512x512 Negative prompt: Hypernet: Version:'
              " v1.6.0 Karras Euler First pass size: 0x0 Hires Mask mode Face restoration None \\n \\ud800 TI hashes:"),
        (), ("runtime/infotext/", "runtime/catalogue"),
    ),
    "picture text": Target(
        picture_text,
        (b"\x00parameters\0" + INFOTEXT, b"\x01parameters\0\0\0\0\0" + INFOTEXT, b"\x02" + INFOTEXT,
         b"\x04UNICODE\0" + "Steps: 1, a: b, c: d".encode("utf-16-be"), b"\x05ASCII\0\0\0a", b"\x06a comment",
         b'\x00Comment\0{"steps":1,"sampler":"ddim","scale":1,"seed":2,"uc":"x"}', b"\x07" + _PNG, b"\x07" + _JPEG,
         b"\x03MM\0*\0\0\0\x08\0\x01\x87i\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0"),
        words("parameters Software NovelAI Comment Description UNICODE ASCII JIS Exif tEXt iTXt zTXt eXIf IHDR IDAT"
              " acTL fcTL II*\0 MM\0* steps sampler"),
        (RequestError,), ("runtime/infotext/", "runtime/engine/images", "PngImagePlugin", "TiffImagePlugin"),
    ),
    "api picture": Target(
        api_picture, (b"\x00" + base64.b64encode(_PNG), b"\x03\x07" + _PNG, b"\x03\x07" + _JPEG, b"\x03\x06gif",
                      b"\x00http://127.0.0.1/"),
        words("data:image/png;base64, http:// https:// = == + / - _ iVBORw0KGgo /9j/ IHDR IDAT BM GIF89a RIFF WEBP VP8L"),
        (RequestError,), ("runtime/api/pictures", "PngImagePlugin", "BmpImagePlugin", "GifImagePlugin"),
    ),
    "safetensors header": Target(
        header,
        (b'\x02{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
         b'\x01{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}',
         b"\x04" + _weights(), b"\x04version https://git-lfs", b"\x04<!doctype html>"),
        words('"__metadata__" "dtype" "shape" "data_offsets" "F32" "F8_E4M3" [0,4] [ ] { } : , null true NaN Infinity 1e5'
              " 1.0 -1 \\ud800 \\u0000 9223372036854775808 PK\x03\x04"),
        (RequestError,), ("runtime/safetensors_header",),
    ),
    "torch file": Target(
        torch_file, (b"\x00" + _weights(), b"\x01" + _weights() + b"\x80\x02]q\x00X\x01\x00\x00\x000a." + bytes(72),
                     b"\x00" + pickle.dumps({"a": [1, 2.0, b"x", (None, True)], "b": "c"}, 4)),
        (*words("ctorch._utils\n_rebuild_tensor_v2\n ctorch\nFloatStorage\n cos\nsystem\n storage cpu weight 0 . ( ) } ] ["
                " e s u a R b Q q r h j t K M J N l L C c i o 0 1 2"),
         b"\x80\x02", b"\x80\x04", b"\x85", b"\x86", b"\x87", b"\x88", b"\x89", b"\x8a", b"\x8b\xff\xff\xff\x7f", b"\x8c",
         b"\x8d", b"\x8e", b"\x90", b"\x91", b"\x92", b"\x93", b"\x94", b"\x95", b"\x96", b"\x97", b"\x98", b"X\xff\xff"),
        (PickleError, EOFError),
        ("runtime/engine/pickles/", "pickletools"),
    ),
    "styles": Target(
        styles, (b"name,prompt,negative_prompt\nink,\"{prompt}, ink\",bad\n#c,,\n", b"\xef\xbb\xbfname,text\na,b\n"),
        words('name , prompt negative_prompt " "" {prompt} ## - a,b,c,d,e \ufeff'), (), ("runtime/styles",),
    ),
    "flags": Target(
        flags, (b"--port 7861 --gradio-auth a:b --ckpt 'x y' --medvram", b"\0--listen\0--port=1"),
        words("--port --listen --gradio-auth --api-auth --ckpt --medvram --theme --precision half --device-id = ' \" \\ "
              "C:\\x -- -f --timeout-keep-alive --cors-allow-origins --p --no-half ~ ~nobody %APPDATA%"),
        (UsageError,), ("runtime/flags", "runtime/written_path"),
    ),
}  # fmt: skip
