"""The literals of all rules in many lines at once: what is found is what a look at each line finds."""

from hypothesis import given, strategies

from launcher.core.diagnosis.literals import Literals

WORDS = ("errno 28", "winerror 1455", "out of memory", "memory", " 137", "9009", "内存不足", "win7", "ERROR")
PIECES = (*WORDS, "Errno 28", "errno 27", "1370", "139", "step 1 of 9", "Out Of Memory", "İ", "中文", "", " ", "1")


def found_one_by_one(lines: list[str]) -> set[tuple[int, str]]:
    return {(index, word) for index, line in enumerate(lines) for word in WORDS if word.lower() in line.lower()}


@given(strategies.lists(strategies.lists(strategies.sampled_from(PIECES), max_size=5).map("".join), max_size=20))
def test_lines_that_look_alike_but_for_their_numbers_are_told_apart(lines):
    literals = Literals({word: (word,) for word in WORDS})
    assert list(literals.find([])) == []
    for _ in range(2):
        assert set(literals.find(lines)) == found_one_by_one(lines)
        assert [index for index, _ in literals.find(lines)] == sorted(index for index, _ in found_one_by_one(lines))


def test_where_a_literal_ends_and_each_meaning_once_in_a_line():
    literals = Literals({"errno 28": (1, 2), "no space": (2,)})
    flood = [f"step {number} of a flood" for number in range(10_000)]
    line = "[Errno 28] No space left: Errno 28"
    assert list(literals.places([*flood, line, *flood])) == [(10_000, 8, 1), (10_000, 8, 2)]
    assert list(literals.places(["errno 29", "x" * 5000 + "errno 28"])) == [(1, 5007, 1), (1, 5007, 2)]


def test_nothing_is_found_by_nothing():
    assert list(Literals[int]({}).find(["a", "1"])) == []
