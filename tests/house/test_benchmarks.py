"""The table's frame, and that every figure in the pages is one of the kept results."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from benchmarks import elsewhere, one_row, pages, results, table
from benchmarks.frame import Bench, Figure, NotHereError, Row, Turn, alternate, at_least, at_most, faster, share
from benchmarks.machine import ROOT
from benchmarks.results import Result
from benchmarks.side import Side, SideError

KEPT = results.read_all()


@pytest.mark.parametrize("page", pages.PAGES)
def test_the_figures_of_a_page_are_those_that_are_kept(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- benchmarks: " in text
    assert pages.written(text) == text, "run: python -m benchmarks.pages"


def test_the_plots_are_those_of_the_kept_results():
    drawn = dict(pages.images())
    assert {path.name: path.read_text(encoding="utf-8") for path in pages.IMAGES.glob("*")} == drawn


@pytest.mark.parametrize("result", KEPT, ids=lambda result: result.row)
def test_a_kept_result_has_its_pairs_and_its_machine(result):
    assert result.figures
    assert result.pairs >= 5
    assert {"processor", "versions", "commit", "load"} <= result.machine.keys()
    timed = [one for one in result.figures if one.seconds_ours]
    assert all(len(one.values) == len(one.seconds_ours) == len(one.seconds_theirs) >= 5 for one in timed)


def test_the_launchers_benchmarks_are_there():
    modules = [run.split("-m ")[1].split()[0] for *_, run in elsewhere.launcher()]
    assert [one for one in modules if not (ROOT / (one.replace(".", "/") + ".py")).exists()] == []


def side(name, log, seconds):
    def turn():
        log.append(name)
        return Turn(seconds, name)

    return turn


def test_the_sides_take_turns_and_the_first_pair_does_not_count():
    log: list[str] = []
    pairs = alternate(Bench(pairs=3), side("ours", log, 2.0), side("theirs", log, 6.0))
    assert log == ["theirs", "ours", "ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert [(pair.ours.output, pair.theirs.output) for pair in pairs] == [("ours", "theirs")] * 3
    assert faster(pairs, "it", "peer", at_least(3)).values == (3.0,) * 3
    assert share(pairs, "it", "peer", None).value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("figure", "value", "met"),
    [
        (Figure("a", "b", (1.0, 2.0, 9.0), at_least(2)), 2.0, True),
        (Figure("a", "b", (1.0, 2.0, 9.0), at_most(2), by="max"), 9.0, False),
        (Figure("a", "b", (1.0, 2.0, 9.0), at_least(2), by="min"), 1.0, False),
        (Figure("a", "b", (1.0,)), 1.0, None),
    ],
)
def test_a_figure_is_its_median_or_its_worst(figure, value, met):
    assert (figure.value, figure.met) == (value, met)


def test_what_is_written_is_read_again_and_says_whether_it_is_met(tmp_path):
    figure = Figure("a step", "peer", (2.0, 3.0), at_least(2.5), seconds_ours=(1.0, 1.0), seconds_theirs=(2.0, 3.0))
    result = Result("C1", "a row", (figure,), 2, {"cores": 2})
    path = results.write(result, tmp_path)
    assert results.read(path) == result
    assert json.loads(path.read_text(encoding="utf-8"))["figures"][0]["met"] is True


def test_the_table_says_what_was_missed_and_what_was_not_measured():
    missed = Figure("a step", "peer", (1.234, 1.3, 1.25), at_least(2.5))
    found = [Result("C1", "", (missed,), 3, {}), Result("C2", "a picture", (), 3, {}, "no compiler")]
    assert table.page(found).split("\n")[2:] == [
        "| C1 | a step | peer | 1.25× | 1.23 to 1.3 | ≥ 2.5× | no |",
        "| C2 | a picture |  | not measured: no compiler |  |  |  |",
    ]
    assert "not measured: no compiler" in table.plain(found)


def test_what_a_card_has_given_is_kept_row_by_row(tmp_path):
    one = {"what": "pictures a second", "against": "eager", "values": [3.0, 4.0, 3.5], "target": 3.0, "at_most": False,
           "unit": "x", "note": ""}  # fmt: skip
    failed = {**one, "row": "G2", "what": "failed", "values": [float("nan")], "target": None, "note": "out of memory"}
    machine = {
        "card": "A card",
        "torch": "2.11",
        "cuda": "13.0",
        "python": "3.12",
        "diffusers": "1",
        "transformers": "5",
    }
    file = tmp_path / "gpu.json"
    cut = {
        **failed,
        "row": "G3",
        "what": "cut after 100 s",
        "note": "cut after 100 s; what is not here was not measured",
    }
    figures = [{"row": "G1", **one}, failed, {"row": "G3", **one}, cut]
    file.write_text(json.dumps({"machine": machine, "figures": figures}))
    first, second, third = (results.read(path) for path in elsewhere.keep_gpu(file, tmp_path / "kept"))
    assert (len(third.figures), third.missing) == (1, cut["note"])
    assert (first.row, first.pairs, first.missing, first.figures[0].value) == ("G1", 3, None, 3.5)
    assert first.machine["gpu"] == "A card"
    assert (second.figures, second.missing) == ((), "out of memory")


def refuses(_bench: Bench) -> Iterator[Figure]:
    raise NotHereError("no compiler")
    yield  # pragma: no cover


def test_a_row_that_cannot_run_says_why(monkeypatch):
    monkeypatch.setattr(one_row, "row", lambda name: Row(name, "a picture", refuses))
    assert one_row.measure("C2", Bench()).missing == "no compiler"


def test_a_side_that_ends_is_an_error_and_not_a_wait():
    with Side("benchmarks.machine") as silent, pytest.raises(SideError, match=r"benchmarks\.machine ended"):
        silent.ask(steps=1)
