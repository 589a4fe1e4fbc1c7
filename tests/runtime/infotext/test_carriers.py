"""Files that carry infotext: written by the libraries that other programs use, read by ours."""

import io
import json

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from runtime.infotext import parse_infotext
from runtime.infotext.carriers import decode_comment, encode_comment, read_infotext

TEXT = "a cat, 一只猫\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7.0, Seed: 1, Size: 8x8"
PICTURE = Image.new("RGB", (8, 8), (9, 9, 9))


def written(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    PICTURE.save(buffer, kind, **options)
    return buffer.getvalue()


def comment(data: bytes) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = data
    return exif.tobytes()


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("一只猫", "un chat noir")])
def test_png_in_both_kinds_of_chunk(text: str) -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", text)
    chunks.add_text("workflow", "mine")
    found, items = read_infotext(written("PNG", pnginfo=chunks, dpi=(72, 72)))
    assert (found, items) == (text, {"workflow": "mine"})


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_exif_comment(kind: str) -> None:
    found, _items = read_infotext(written(kind, exif=comment(encode_comment(TEXT))))
    assert found == TEXT


def test_an_exif_comment_wins_over_the_png_text() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", "another")
    assert read_infotext(written("PNG", pnginfo=chunks, exif=comment(encode_comment(TEXT))))[0] == TEXT


@pytest.mark.parametrize(
    "data",
    [b"UNICODE\0" + TEXT.encode("utf-16-be"), b"UNICODE\0" + TEXT.encode("utf-16-le"), b"ASCII\0\0\0" + TEXT.encode(),
     b"\0" * 8 + TEXT.encode(), TEXT.encode()],
)  # fmt: skip
def test_comments_of_many_makers(data: bytes) -> None:
    assert decode_comment(data) == TEXT


def test_gif() -> None:
    assert read_infotext(written("GIF", comment=TEXT.encode()))[0] == TEXT


def test_a_picture_of_novelai() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Software", "NovelAI")
    chunks.add_text("Description", "a {cat}")
    said = {"steps": 28, "sampler": "k_euler_ancestral", "seed": 7, "scale": 11, "uc": "bad"}
    chunks.add_text("Comment", json.dumps(said))
    found = parse_infotext(read_infotext(written("PNG", pnginfo=chunks))[0])
    assert (found["Prompt"], found["Negative prompt"], found["Sampler"]) == ("a {cat}", "bad", "Euler a")
    assert (found["Clip skip"], found["ENSD"], found["Size-1"]) == ("2", "31337", "8")


def test_a_picture_that_says_nothing() -> None:
    assert read_infotext(written("PNG")) == ("", {})
