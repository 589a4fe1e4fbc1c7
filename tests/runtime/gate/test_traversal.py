"""A file outside, named in every way and in every place where a file can be named: nobody gets a byte of it.

Here each place is given a share of the spellings, others for each; tests/release/traversal.py tries all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from random import Random
from urllib.parse import quote

import pytest

from tests.release.page_calls import Page
from tests.runtime.gate.canary import copies, shows
from tests.runtime.gate.conftest import Grounds
from tests.runtime.gate.lines import Asking, Line, Lines
from tests.runtime.gate.path_fields import SESSION, Field, addresses, fields, files_of_the_page, uploads
from tests.runtime.gate.spellings import spellings

_SHARE = 24


def share(field: Field, everything: list[str]) -> list[str]:
    """The plain path, and some of the others: of each field others, in each run the same."""
    return [everything[0], *Random(field.name).sample(everything, _SHARE)]


@pytest.fixture(scope="module")
def lines(grounds: Grounds) -> Iterator[Lines]:
    found = Lines(grounds.served.url, _SHARE + 1)
    yield found
    found.close()


@pytest.fixture(scope="module")
def line(grounds: Grounds) -> Iterator[Line]:
    found = Line(grounds.served.url)
    yield found
    found.close()


def untouched(grounds: Grounds, lines: Lines, places: list[Field]) -> None:
    everything = spellings(grounds.secret, grounds.inside)
    before = {file: file.read_bytes() for file in grounds.secret.parent.iterdir()}
    for field in places:
        paths = share(field, everything)
        for path, answer in zip(paths, lines.ask(map(field.ask, paths)), strict=True):
            if answer is None:
                continue  # what is no HTTP gets none
            assert not shows(answer.body), (field.name, path, answer.body[:300])
            assert "evil" not in answer.headers.get("location", "")
    assert grounds.opened() == []
    assert {file: file.read_bytes() for file in grounds.secret.parent.iterdir()} == before


def test_there_are_five_hundred_ways(grounds: Grounds) -> None:
    assert len(spellings(grounds.secret, grounds.inside)) >= 500


def test_addresses(grounds: Grounds, lines: Lines) -> None:
    untouched(grounds, lines, addresses())


def test_fields_of_the_api(grounds: Grounds, lines: Lines) -> None:
    untouched(grounds, lines, fields())


def test_files_of_the_page(grounds: Grounds, lines: Lines) -> None:
    places = files_of_the_page(grounds.served.get("/config").json())
    assert len(places) >= 10
    untouched(grounds, lines, places)


def test_files_of_the_page_where_it_waits_for_its_turn(grounds: Grounds, line: Line) -> None:
    places = files_of_the_page(grounds.served.get("/config").json(), queued=True)
    for place in places:
        assert line.ask(place.ask(str(grounds.secret))).status == 200, place.name
    with grounds.served.client.stream(
        "GET", f"{grounds.served.url}/gradio_api/queue/data?session_hash={SESSION}"
    ) as told:
        said = told.read()
    assert said.count(b"process_completed") == said.count(b"not sent by the browser") == len(places)
    assert not shows(said)
    assert grounds.opened() == []


def test_names_of_uploads(grounds: Grounds, lines: Lines) -> None:
    untouched(grounds, lines, uploads())


def test_nothing_was_copied(grounds: Grounds) -> None:
    assert copies(grounds.served.output.parent) == []


def told_of(grounds: Grounds, line: Line, path: str) -> bytes:
    """What PNG Info says of a file."""
    places = files_of_the_page(grounds.served.get("/config").json())
    return line.ask(next(one for one in places if one.name.startswith("page: read ")).ask(path)).body


def test_a_picture_that_was_shown_may_be_named(grounds: Grounds, line: Line) -> None:
    page = Page(grounds.served.url)
    shown = re.search(r'"path": "([^"]+)"', json.dumps(page.generate("a cat"), ensure_ascii=False))
    page.close()
    assert shown
    assert b"a cat" in told_of(grounds, line, shown[1])


def test_a_file_that_was_sent_is_read(grounds: Grounds, line: Line) -> None:
    """The same ways, with a file that may be: what the tests above would see."""
    ask = uploads()[0].ask("secret.png")
    body = (ask.body or b"").replace(b"upload\r\n--x--", grounds.secret.read_bytes() + b"\r\n--x--")
    sent = line.ask(Asking(ask.method, ask.target, ask.headers, body)).body.decode().strip('[]"')
    assert shows(told_of(grounds, line, sent))
    assert shows(line.ask(Asking("GET", f"/gradio_api/file={quote(sent)}".encode())).body)
    assert copies(grounds.served.output.parent)
