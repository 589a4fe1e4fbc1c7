"""Pictures that are none, that are cut or changed, and those that grow when they are opened."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from functools import cache
from random import Random

from PIL import Image, PngImagePlugin

_BMP = "<IHHIIiiHHIIiiII"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes, checksum: int | None = None) -> bytes:
    found = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", found)


def png(width: int, height: int, data: bytes, *more: bytes, depth: int = 8, colour: int = 0) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"".join((_SIGNATURE, head, *more, chunk(b"IDAT", data), chunk(b"IEND", b"")))


def saved(kind: str, size: tuple[int, int] = (16, 16), mode: str = "RGB", **how: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **how)
    return file.getvalue()


@cache
def pictures() -> dict[str, bytes]:
    """By what is wrong with each; nothing is wrong with those called `whole`."""
    nothing = zlib.compress(b"\0" * 17 * 16)
    zeros = zlib.compress(b"\0" * 30_000_000, 9)
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a\nSteps: 1, Size: 8x8, Seed: " + "9" * 5000)
    exif = Image.Exif()
    exif[0x9286] = b"UNICODE\0" + b"\xd8\x00" * 40
    jpeg, sizes = saved("JPEG"), (99, 0, 0, 54, 40)
    gif = io.BytesIO()
    frames = [Image.new("P", (16, 16), number % 250) for number in range(300)]
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    whole = {f"whole {kind}": saved(kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")}
    return whole | {
        "empty": b"",
        "one byte": b"\x89",
        "signature": _SIGNATURE,
        "text": b"this is a text",
        "page": b"<!doctype html><script>alert(1)</script>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj",
        "pickle": b"\x80\x04cposix\nsystem\n(S'true'\ntR.",
        "zip": b"PK\x03\x04" + b"\0" * 60,
        "tiff": saved("TIFF"),
        "ico": saved("ICO"),
        "tga": saved("TGA"),
        "ppm": b"P6\n99999999 99999999\n255\n",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "fits": b"SIMPLE  =                    T" + b" " * 2850,
        "png of 2^31": png(2**31 - 1, 2**31 - 1, nothing),
        "png of 60000": png(60_000, 60_000, nothing),
        "png of nothing": png(0, 0, nothing),
        "png of one row": png(64_000_000, 1, nothing),
        "png with too little": png(3000, 3000, nothing),
        "png with far more": png(16, 16, zeros),
        "png of 30 megapixels": png(6000, 5000, zlib.compress((b"\0" * 6001) * 5000, 9)),
        "png with bad crc": _SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0), 1) + b"\0" * 20,
        "png of bad depth": png(16, 16, nothing, depth=7, colour=9),
        "png of bad deflate": png(16, 16, b"\x78\x9c" + b"\xff" * 40),
        "png with a huge chunk": _SIGNATURE + struct.pack(">I", 2**31 - 1) + b"IHDR" + b"\0" * 30,
        "png with text bomb": png(16, 16, nothing, chunk(b"zTXt", b"parameters\0\0" + zeros)),
        "png with itext bomb": png(16, 16, nothing, chunk(b"iTXt", b"parameters\0\1\0\0\0" + zeros)),
        "png with many texts": png(16, 16, nothing, *(chunk(b"tEXt", b"k%d\0v" % one) for one in range(20_000))),
        "png with profile bomb": png(16, 16, nothing, chunk(b"iCCP", b"p\0\0" + zeros)),
        "png with bad text": png(16, 16, nothing, chunk(b"iTXt", b"parameters\0\1\7xx"), chunk(b"tEXt", b"")),
        "png with bad exif": png(16, 16, nothing, chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)),
        "png animated": png(16, 16, nothing, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
        "png with palette missing": png(16, 16, nothing, colour=3),
        "png with infotext": saved("PNG", pnginfo=text),
        "jpeg with exif": saved("JPEG", exif=exif),
        "jpeg of 65535": jpeg.replace(b"\0\x10\0\x10", b"\xff\xff\xff\xff", 1),
        "jpeg with bad exif": jpeg[:2] + b"\xff\xe1\0\x1cExif\0\0MM\0*\xff\xff\xff\xff" + b"\0" * 12 + jpeg[2:],
        "jpeg with mpf": jpeg[:2] + b"\xff\xe2\0\x10MPF\0II*\0\xff\xff\xff\xff\0\0" + jpeg[2:],
        "jpeg with segments": jpeg[:2] + (b"\xff\xe1\0\x10" + b"x" * 14) * 20_000 + jpeg[2:],
        "webp of 16383": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xfe\x3f\0\xfe\x3f\0ANMF\x08" + b"\0" * 11,
        "webp empty": b"RIFF\xff\xff\xff\xffWEBP",
        "gif of 300 frames": gif.getvalue(),
        "gif of 65535": b"GIF89a\xff\xff\xff\xff\xf0\0\0" + b"\0" * 6 + b",\0\0\0\0\xff\xff\xff\xff\0\x08\x01\0\0;",
        "gif without end": saved("GIF")[:-3] + b"!\xfe\xff",
        "bmp of 2^31": b"BM" + struct.pack(_BMP, *sizes, 2**31 - 1, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0),
        "bmp of bad depth": b"BM" + struct.pack(_BMP, *sizes, 4, 4, 1, 77, 9, 0, 0, 0, 2**31, 0),
        "bmp of bad header": b"BM" + struct.pack("<IHHII", 99, 0, 0, 54, 2**32 - 1) + b"\0" * 40,
        "polyglot": saved("PNG") + b"<script>alert(1)</script>PK\x03\x04",
    }  # fmt: skip


def spoilt(chance: Random) -> bytes:
    """One of them, often cut, overwritten or repeated."""
    found = bytearray(chance.choice(list(pictures().values())))
    how = chance.randrange(6)
    if how == 1 and found:
        del found[chance.randrange(len(found)) :]
    elif how == 2:
        for _ in range(min(len(found), chance.choice((1, 5, 50)))):
            found[chance.randrange(min(len(found), 400))] = chance.randrange(256)
    elif how == 3:
        place = chance.randint(0, len(found))
        found[place:place] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 4, 64))))
    return bytes(found)


def coded(chance: Random) -> str:
    """Such a picture as requests carry it: in base64, which may be broken too."""
    text = base64.b64encode(spoilt(chance)).decode()
    how = chance.randrange(12)
    if how == 0:
        return text[: chance.randint(0, len(text))]
    if how == 1:
        return text.replace("A", chance.choice(("-", "_", "%41", "é", "\0", "\n", "=", " ")))
    if how == 2:
        return (
            "data:image/" + chance.choice(("png", "jpeg", "../x", "svg+xml", "png;charset=utf-8")) + ";base64," + text
        )
    if how == 3:
        return (
            chance.choice(("data:image/png;base64," * 2, "data:;base64,", "base64,", "data:text/html;base64,")) + text
        )
    return text
