"""How a download's progress reads at the command line."""

from __future__ import annotations

import io
import json

import pytest

from launcher.core.events import Downloaded, Line, Lines, Notice, Progress, Step
from launcher.core.text import t
from launcher.language import translator
from launcher.printing import Printer

PROGRESS = Progress("model.safetensors", 5 * 1024**2, 20 * 1024**2, rate=1024.0**2, seconds_left=15.0)


def printed(
    *events: Step | Progress | Downloaded | Line | Lines, language: str = "en", json_lines: bool = False
) -> str:
    out, err = io.StringIO(), io.StringIO()
    printer = Printer(translator(language), json_lines=json_lines, quiet=False, out=out, err=err)
    for event in events:
        printer.event(event)
    return out.getvalue() if json_lines else err.getvalue()


def test_a_line_says_what_how_much_how_fast_and_how_long() -> None:
    assert printed(PROGRESS) == "model.safetensors  25 %  5/20 MiB  1.0 MB/s  0:15 left\n"
    assert printed(PROGRESS, language="zh") == "model.safetensors  25 %  5/20 MiB  1.0 MB/s  剩余 0:15\n"


def test_what_is_unknown_is_left_out() -> None:
    assert printed(Progress("x", 5 * 1024**2, None)) == "x  5 MiB\n"


def test_programs_get_rate_and_seconds() -> None:
    record = json.loads(printed(PROGRESS, json_lines=True))
    assert (record["event"], record["rate"], record["seconds_left"]) == ("progress", 1024.0**2, 15.0)
    done = Downloaded("m", "/a/m", 3, "ab" * 32, True, "mirror")
    assert json.loads(printed(done, json_lines=True)) == {
        "event": "downloaded", "name": "m", "path": "/a/m", "size": 3, "sha256": "ab" * 32, "verified": True,
        "source": "mirror",
    }  # fmt: skip


def test_lines_that_travelled_together_are_said_one_by_one() -> None:
    together, alone = Lines("runtime", ("one", "two")), (Line("runtime", "one"), Line("runtime", "two"))
    assert printed(together) == printed(*alone) == "one\ntwo\n"
    assert printed(together, json_lines=True) == printed(*alone, json_lines=True)


def test_a_step_gives_its_title_and_lines_do_not_flood() -> None:
    shown = printed(Step("torch", t("Get torch"), "started", 2, 5), PROGRESS, PROGRESS)
    assert shown.count("MiB") == 0, "a line each ten seconds where none can be overwritten, from the step's own on"


@pytest.mark.parametrize("redraws", [True, False])
def test_what_is_wrong_is_said_in_red_where_there_are_colours_and_also_quietly(redraws: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    printer = Printer(translator("en"), json_lines=False, quiet=True, out=out, err=err, redraws=redraws)
    printer.event(Notice("a", "error", t("Anybody may come in.")))
    printer.event(Notice("b", "info", t("It has started.")))
    said = "Anybody may come in."
    assert err.getvalue() == (f"\x1b[1;31m{said}\x1b[0m\n" if redraws else f"{said}\n")


def test_what_would_move_the_cursor_is_left_out() -> None:
    out, err = io.StringIO(), io.StringIO()
    printer = Printer(translator("en"), json_lines=False, quiet=False, out=out, err=err)
    printer.result(
        t("Card {name}\tand {other}\n.", name="RTX\x1b[2J\x1b[31m 3060\x07\r", other="\x1b]0;title\x07\x9b1mB")
    )
    printer.aside("\x1b[1mbold\x1b[0m\x00")
    assert out.getvalue() == "Card RTX 3060\tand B\n.\n"
    assert err.getvalue() == "bold\n"
