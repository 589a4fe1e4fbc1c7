"""A flood of one message does not make the reader look into its surroundings for ever."""

import re
from typing import cast

from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.diagnosis.matching import Matcher, _Seen, _Text, compiled
from launcher.core.diagnosis.rules import Kind, Sign, Words

WORDS = Words("It broke.", "坏了。")
SIGN = Sign("refused", ("connection refused",), ("yes",), ("no",), without=("proxy",), around=1)
KIND = Kind("unreachable", WORDS, "error", WORDS, (SIGN,), (WORDS,))


def matched(lines: list[str]) -> list[int]:
    matcher = Matcher(compiled((KIND,)), Circumstances())
    matcher.feed(lines)
    return [match.line for match in matcher.finish()]


def test_what_was_refused_ten_thousand_times_is_still_looked_at():
    flood = ["proxy", "[Errno 111] Connection refused"] * 10_000
    assert matched([*flood, "", "[Errno 111] Connection refused", ""]) == [len(flood) + 1]


def test_a_flood_that_comes_at_once_is_looked_at_from_both_ends():
    flood = [f"{number} by proxy: connection refused" for number in range(5000)]
    fine = ["", "", "connection refused", "", ""]
    assert matched([*flood[:10], *fine, *flood, *fine]) == [12, 5017]


def test_each_line_is_searched_once_whatever_the_number_of_matches_around_it():
    looked: list[str] = []

    class Counting:
        pattern = "proxy"

        def search(self, line: str) -> None:
            looked.append(line)

    seen = _Seen(cast("re.Pattern[str]", Counting()))
    text = _Text([f"line {number}" for number in range(1000)], 0)
    for line in range(1000):
        assert not seen.between(*text.around(line, 40), text)
    assert len(looked) == 1000
    again = _Text([f"line {number}" for number in range(1000)], 5000)
    assert not seen.between(*again.around(5500, 40), again)
    assert len(looked) == 1000


def test_a_pattern_over_lines_is_found_over_lines():
    sign = Sign("two", ("connection refused",), ("yes",), ("no",), with_=(r"^\[first\]\n\[second\]$",), around=3)
    kind = Kind("unreachable", WORDS, "error", WORDS, (sign,), (WORDS,))
    matcher = Matcher(compiled((kind,)), Circumstances())
    matcher.feed(["[first]", "[second]", "Connection refused", "", "", "", "Connection refused"])
    assert [match.line for match in matcher.finish()] == [2]
