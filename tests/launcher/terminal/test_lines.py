"""391 hostile texts on every way to a terminal that shows lines: nothing that a terminal obeys comes through."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("a terminal of Windows is driven otherwise", allow_module_level=True)

from tests.hostile_text import TEXTS, obeyed
from tests.launcher.terminal.ways import WAYS, at_a_terminal


def test_there_are_more_than_three_hundred() -> None:
    assert len(TEXTS) > 300
    assert sum(bool(obeyed(text)) for text in TEXTS) > 250


@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_a_terminal_obeys_reaches_it(way: str, tmp_path: Path) -> None:
    written = WAYS[way](TEXTS, tmp_path)
    assert obeyed(written) == set()
    assert len(written) > 1000


def test_what_a_program_writes_past_us_would_be_seen(tmp_path: Path) -> None:
    """The measure itself: a raw write does show."""
    written = at_a_terminal([sys.executable, "-c", "print('a\\x1b]0;title\\x07b')"])
    assert obeyed(written) == {"\x1b", "\x07"}
