"""A flood of one message does not make the reader look into its surroundings for ever."""

from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.diagnosis.matching import Matcher, compiled
from launcher.core.diagnosis.rules import Kind, Sign, Words

WORDS = Words("It broke.", "坏了。")
SIGN = Sign("refused", ("connection refused",), ("yes",), ("no",), without=("proxy",), around=1)
KIND = Kind("unreachable", WORDS, "error", WORDS, (SIGN,), (WORDS,))
PATIENCE = 24


def matched(lines: list[str]) -> list[int]:
    matcher = Matcher(compiled((KIND,)), Circumstances())
    matcher.feed(lines)
    return [match.line for match in matcher.finish()]


def test_what_is_refused_a_few_times_is_still_looked_at():
    flood = ["proxy", "[Errno 111] Connection refused"] * (PATIENCE // 2)
    assert matched([*flood, "proxy", "", "[Errno 111] Connection refused", ""]) == [len(flood) + 2]


def test_a_line_that_was_refused_again_and_again_is_not_looked_at_any_more_whatever_its_numbers():
    flood = [line for number in range(PATIENCE) for line in ("proxy", f"[Errno {number}] Connection refused")]
    assert matched([*flood, "", "[Errno 111] Connection refused", ""]) == []


def test_other_words_are_another_line():
    flood = ["proxy", "[Errno 111] Connection refused"] * 100
    assert matched([*flood, "", "curl: (7) Connection refused", ""]) == [len(flood) + 1]
