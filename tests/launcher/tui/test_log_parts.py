"""The log without a screen: what is kept, how serious a line is, which row shows what, what is found."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies
from rich.cells import cell_len

from launcher.core.events import Line, Lines, Notice, Progress
from launcher.core.text import t
from launcher.tui.log_levels import ERROR, INFO, WARNING, Levels
from launcher.tui.log_rows import Rows, cut, parts
from launcher.tui.log_search import Search, spans
from launcher.tui.log_store import DIAGNOSIS, GESSO, LogStore


def a_store(*lines: str, kept: int = 100_000) -> LogStore:
    store = LogStore(kept=kept)
    store.add(Line("runtime", line) for line in lines)
    return store


def rows(store: LogStore, width: int | None = None, minimum: int = INFO) -> Rows:
    made = Rows(store, width, minimum)
    made.catch_up()
    return made


def piece(found: Rows, row: int) -> str:
    place = found.at(row)
    assert place is not None
    return found.piece(place)


def test_the_last_hundred_thousand_lines_are_kept_and_keep_their_numbers():
    store = LogStore()
    for batch in range(25):
        store.add(Line("runtime", f"{number}") for number in range(batch * 5000, batch * 5000 + 5000))
    assert (store.first, store.end) == (25_000, 125_000)
    assert store.text(25_000) == "25000"
    assert store.text(124_999) == "124999"
    assert store.texts(0, 25_002) == ["25000", "25001"]


def test_only_lines_and_notices_are_kept():
    store = a_store("one")
    store.add([Progress("torch", 1, 2), Notice("x", "warning", t("up to date")), Line("uv", "two")])
    assert [(store.source(n), store.text(n), store.level(n)) for n in range(store.end)] == [
        ("runtime", "one", INFO),
        (GESSO, "up to date", WARNING),
        ("uv", "two", INFO),
    ]


def test_our_own_sentences_are_said_again_in_another_language_and_forgotten_with_their_lines():
    store = LogStore(kept=3)
    store.add([Notice("x", "info", t("up to date")), Line("uv", "one")])
    store.speak(lambda sentence: f"<{sentence}>")
    assert store.texts(0, 2) == ["<up to date>", "one"]
    store.add([Line("uv", "two"), Line("uv", "three")])
    store.speak(str)
    assert store.texts(store.first, store.end) == ["one", "two", "three"]


def test_a_known_line_has_its_diagnosis_under_it_at_the_same_level():
    asked: list[str] = []

    def known(texts):
        asked.extend(texts)
        ran_out = t("Memory ran out: {message}", message="8 GB")
        return [(index, ran_out) for index, line in enumerate(texts) if "OutOfMemory" in line]

    store = LogStore(known=known)
    store.add([Line("runtime", "fine"), Line("runtime", "torch.OutOfMemoryError: \x1b[1mCUDA"), Line("runtime", "on")])
    assert asked == ["fine", "torch.OutOfMemoryError: CUDA", "on"]
    assert store.texts(0, 9) == ["fine", "torch.OutOfMemoryError: CUDA", "Memory ran out: 8 GB", "on"]
    assert (store.source(2), store.level(2)) == (DIAGNOSIS, ERROR)


def test_lines_read_elsewhere_are_kept_as_if_they_had_been_read_here():
    def known(texts):
        return [(index, t("Known.")) for index, line in enumerate(texts) if "OutOfMemory" in line]

    lines = ["fine", "torch.OutOfMemoryError: \x1b[1mCUDA", "Traceback (most recent call last):", "  on"]
    store = LogStore()
    early = store.reader.read("runtime", lines)
    store.know(known)
    store.add([early, store.reader.read("runtime", lines[1:]), Lines("uv", ("one", "two"))])
    texts = ["fine", "torch.OutOfMemoryError: CUDA", "Known.", *lines[2:], "torch.OutOfMemoryError: CUDA", "Known."]
    assert store.texts(0, 99) == [*texts, *lines[2:], "one", "two"]
    assert [store.level(number) for number in range(store.end)] == [INFO, *[ERROR] * 7, ERROR, INFO, INFO]
    assert [store.source(number) for number in (2, 3, 10)] == [DIAGNOSIS, "runtime", "uv"]


@given(strategies.lists(strategies.tuples(strategies.sampled_from(["a", "b", ""]), strategies.integers(1, 5))))
def test_whatever_comes_the_last_ones_are_kept_in_order_and_a_copy_stays_as_it_was(batches):
    store, copies = LogStore(kept=7), []
    all_lines: list[tuple[str, str]] = []
    for source, count in batches:
        texts = tuple(f"{source} {len(all_lines) + number}" for number in range(count))
        store.add([Lines(source, texts)] if source else [Notice("x", "info", t("{what}", what=each)) for each in texts])
        all_lines += [(source or GESSO, text) for text in texts]
        copies.append((store.frozen(), store.first, len(all_lines)))
    for copy, first, end in copies:
        assert (copy.first, copy.end) == (first, end) == (max(0, end - 7), end)
        kept = range(first, end)
        assert [(copy.source(number), copy.text(number)) for number in kept] == all_lines[first:end]
        assert copy.texts(0, 999) == [text for _, text in all_lines[first:end]]


def test_whoever_watches_is_told_once_for_a_batch_and_no_more_afterwards():
    store, told = LogStore(), []
    store.watch(lambda: told.append(store.end))
    store.add([Line("uv", "a"), Line("uv", "b")])
    store.add([])
    assert told == [2]
    watcher = lambda: told.append(-1)  # noqa: E731 - the same object twice
    store.watch(watcher)
    store.unwatch(watcher)
    store.add([Line("uv", "c")])
    assert told == [2, 3]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("WARNING: the model has no VAE", WARNING),
        ("/site-packages/x.py:1: FutureWarning: old", WARNING),
        ("warning: Failed to hardlink files", WARNING),
        ("ERROR: it broke", ERROR),
        ("error: Failed to fetch", ERROR),
        ("CRITICAL: x", ERROR),
        ("RuntimeError: CUDA error: no kernel image", ERROR),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory.", ERROR),
        ("Loading terror.safetensors", INFO),
        ("0 errors, 0 warnings", INFO),
        ("forewarned is forearmed", INFO),
        ("Model loaded in 1.4 s", INFO),
        ("", INFO),
    ],
)
def test_how_serious_a_line_is(line, level):
    assert Levels().of(line) == level


def test_a_traceback_belongs_together_up_to_the_exceptions_name():
    levels = Levels()
    lines = ("Traceback (most recent call last):", '  File "x.py", line 1', "    call()", "KeyError: 'x'", "on it goes")
    assert [levels.of(line) for line in lines] == [ERROR] * 4 + [INFO]


def test_two_children_do_not_end_each_others_tracebacks():
    store = LogStore()
    store.add([Line("runtime", "Traceback (most recent call last):"), Line("uv", "Resolved"), Line("runtime", "  a")])
    assert [store.level(n) for n in range(3)] == [ERROR, INFO, ERROR]


@given(strategies.text("ab 中文🎨é\u0301", max_size=40), strategies.integers(2, 12))
def test_wrapped_rows_have_the_whole_text_and_fit(text, width):
    found = parts(text, width)
    assert "".join(found) == text
    assert all(cell_len(part.rstrip()) <= width for part in found)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("one two three", ["one two ", "three"]),
        ("one  two    three", ["one  two    ", "three"]),
        ("    a/path/that/is/long x", ["    a/pa", "th/that/", "is/long ", "x"]),
        ("模型 one two", ["模型 one ", "two"]),
        ("需要显存，很多", ["需要显", "存，很多"]),
    ],
)
def test_lines_break_between_words(text: str, rows: list[str]) -> None:
    assert list(parts(text, 8)) == rows


@example("a中中", 2, 2)
@given(strategies.text("ab 中文", max_size=30), strategies.integers(0, 40), strategies.integers(1, 12))
def test_what_is_cut_out_of_a_long_line_fits_and_lies_where_it_says(text, left, width):
    start, piece = cut(text, left, width)
    assert cell_len(piece) <= max(width, 2)
    shown = piece.strip(" ")
    assert shown in text[max(0, start) :]


def test_rows_know_line_and_part_and_come_back_to_their_line():
    found = rows(a_store("a" * 25, "", "中" * 6, "end"), width=10)
    assert [found.at(row) for row in range(7)] == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1), (3, 0)]
    assert found.at(7) is None
    assert [piece(found, row) for row in (2, 4, 5)] == ["aaaaa", "中" * 5, "中"]
    assert [found.row_of(number) for number in range(4)] == [0, 3, 4, 6]


@given(strategies.lists(strategies.sampled_from(["", "short", "a" * 9, "long " * 5, "中文中文中"]), max_size=30))
def test_lines_taken_in_together_stand_in_the_rows_of_each(texts):
    one, each = a_store(*texts), LogStore()
    found, slowly = rows(one, width=8), Rows(each, 8)
    for text in texts:
        each.add([Line("runtime", text)])
        slowly.catch_up()
    assert (found.end, found.widest) == (slowly.end, slowly.widest)
    assert [found.at(row) for row in range(found.end)] == [slowly.at(row) for row in range(found.end)]


def test_rows_that_are_kept_no_more_leave_the_others_their_numbers():
    store = a_store("a" * 25, "b", "c", kept=3)
    found = rows(store, width=10)
    store.add([Line("runtime", "d"), Line("runtime", "e" * 11)])
    assert found.catch_up() == 4
    assert (found.first, found.end, found.height) == (4, 8, 4)
    assert piece(found, 7) == "e"
    assert found.extract((0, 0), (99, 0)) == "c\nd\n" + "e" * 11


def test_a_filter_leaves_out_the_less_serious():
    found = rows(a_store("fine", "WARNING: a", "fine", "ERROR: b"), minimum=WARNING)
    assert (found.lines, found.texts()) == (2, ["WARNING: a", "ERROR: b"])
    assert rows(a_store("fine"), minimum=ERROR).height == 0
    assert (found.shows(1), found.shows(2)) == (True, False)
    assert found.row_of(2) == 1


def test_what_is_selected_joins_the_rows_of_a_line_and_parts_the_lines():
    found = rows(a_store("abcdefghij" * 2, "second", "third"), width=8)
    assert found.extract((0, 2), (3, 3)) == "cdefghijabcdefghij\nsec"
    assert found.extract((0, 2), (0, 5)) == "cde"


def test_a_search_goes_round_and_finds_what_comes_later():
    store = a_store("Loading A", "b", "loading c", kept=5)
    search = Search(store, "LOADING")
    assert not search.go_on()
    assert search.found == [0, 2]
    assert (search.after(0), search.after(2), search.before(2), search.before(0)) == (2, 0, 0, 2)
    store.add(Line("runtime", line) for line in ("loading d", "e", "f"))
    search.go_on()
    assert search.found == [2, 3]
    assert search.place_of(3) == 2


def test_a_search_of_many_lines_is_done_in_portions():
    search = Search(a_store(*("x" for _ in range(2500))), "x")
    assert [search.go_on(1000), search.go_on(1000), search.go_on(1000)] == [True, True, False]
    assert len(search.found) == 2500


def test_a_search_looks_only_at_what_the_filter_shows():
    search = Search(a_store("ERROR: x", "x"), "x", ERROR)
    search.go_on()
    assert search.found == [0]


def test_where_the_words_stand_even_beside_letters_that_grow():
    assert spans("Ab aB ab", "ab") == [(0, 2), (3, 5), (6, 8)]
    assert spans("İİ ab", "ab") == [(3, 5)]
    assert spans("中文日志", "日志") == [(2, 4)]
    assert spans("x", "") == []
