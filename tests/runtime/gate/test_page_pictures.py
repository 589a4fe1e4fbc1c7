"""What is no picture, or is too large to be one, put into each of the page's picture controls."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from runtime.limits import LARGEST_FILE
from runtime.request import RequestError
from runtime.ui import png_info
from runtime.ui.start_form import read_picture
from tests.runtime.gate.bad_pictures import png
from tests.runtime.gate.conftest import Grounds
from tests.runtime.gate.lines import Asking, Line
from tests.runtime.gate.path_fields import SESSION, files_of_the_page, uploads

UNREADABLE = ("The picture cannot be read.", "Choose a PNG, JPEG or WebP file.")
TOO_LARGE = ("The picture has more than 178 million pixels.", "Choose a smaller one.")


def sent(line: Line, content: bytes) -> str:
    """Where the server put a file that a browser sends."""
    ask = uploads()[0].ask("picture.png")
    body = (ask.body or b"").replace(b"upload\r\n--x--", content + b"\r\n--x--")
    path: str = json.loads(line.ask(Asking(ask.method, ask.target, ask.headers, body)).body)[0]
    return path


@pytest.mark.parametrize(
    ("content", "said", "least"),
    [
        (b"this is a text", UNREADABLE, 6),
        (png(60_000, 60_000, b""), TOO_LARGE, 6),
        (png(16, 16, b"cut")[:50], UNREADABLE, 4),
    ],
    ids=["text", "too large", "cut"],
)
def test_it_is_refused_in_our_words_and_tells_no_path(
    grounds: Grounds, content: bytes, said: tuple[str, str], least: int
) -> None:
    line = Line(grounds.served.url)
    path = sent(line, content)
    places = files_of_the_page(grounds.served.get("/config").json(), queued=True)
    pictures = [place for place in places if place.name.endswith(("image", "imageeditor"))]
    for place in pictures:
        assert line.ask(place.ask(path)).status == 200, place.name
    line.close()
    address = f"{grounds.served.url}/gradio_api/queue/data?session_hash={SESSION}"
    with grounds.served.client.stream("GET", address) as told:
        told.read()
    ends = [event for event in told.text.split("\n\n") if "process_completed" in event]
    assert len(ends) == len(pictures)
    assert not [end for end in ends if "preprocess" in end or path in end]
    # PNG Info and the three painted pictures; img2img and Extras too, unless the worker is who finds it cut;
    # the sub-tabs of the others are not open
    assert sum(all(sentence in end for sentence in said) for end in ends) >= least


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(png(8, 8, zlib.compress(bytes(9) * 8)))
    assert read_picture(str(file))
    with file.open("r+b") as grown:
        grown.truncate(LARGEST_FILE + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(RequestError, match="64 MB"):
        read_picture(str(file))
    told, shown = png_info.read(str(file))
    assert "64 MB" in told
    assert shown.files == ()
