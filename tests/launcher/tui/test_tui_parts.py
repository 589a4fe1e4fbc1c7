"""What needs no screen: the state, text from outside, amounts, the inbox, the bar."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies

from launcher.amounts import in_bytes, in_mib, in_time
from launcher.core.errors import LauncherError
from launcher.core.events import (
    Credentials,
    Drawing,
    Line,
    ModelLoaded,
    Notice,
    Phase,
    Progress,
    Ready,
    Step,
    Stopped,
    Visitors,
)
from launcher.core.ports import PortTakenError
from launcher.core.text import t
from launcher.tui.messages import Inbox
from launcher.tui.state import Home, after, begun, failed, rested, stopping, surveyed
from launcher.tui.untrusted import plain
from launcher.tui.widgets.address import AddressCard
from launcher.tui.widgets.progress import amount, pace

URL = "http://127.0.0.1:7860"


def test_a_start_goes_through_its_stages(survey_of):
    home = surveyed(Home(), survey_of(missing=True))
    assert (home.stage, home.missing) == ("ready", 5)
    home = begun(home)
    assert (home.stage, home.ours) == ("installing", True)
    home = after(after(home, Step("torch", t("x"), "started", 2, 5)), Progress("torch", 1, 2))
    assert home.progress is not None
    home = surveyed(home, survey_of())
    assert (home.stage, home.step) == ("starting", None)
    home = after(after(home, Phase("torch")), Ready(URL, 1))
    assert (home.stage, home.phase, home.url, home.page) == ("serving", "torch", URL, False)
    home = after(after(home, Ready(URL, 1, page=True)), ModelLoaded("demo", 1.0))
    assert (home.page, home.model) == (True, "demo")


def test_an_end_that_nobody_asked_for_is_a_failure(survey_of):
    serving = replace(Home(survey=survey_of()), stage="serving", ours=True, url=URL, credentials=Credentials("a", "b"))
    ended = after(serving, Stopped(-9))
    assert (ended.stage, ended.url, ended.credentials, ended.ours) == ("failed", "", None, False)
    assert "-9" in str(ended.error.message)
    assert after(serving, Stopped(0)).stage == "ready"
    assert after(replace(serving, stage="stopping"), Stopped(-15)).stage == "ready"
    assert rested(ended) is ended
    assert rested(serving) == Home(survey=serving.survey)


def test_what_is_being_ended_is_not_taken_for_serving_again(survey_of):
    ending = after(stopping(surveyed(Home(), survey_of(running=True))), Ready(URL, 1, page=True))
    assert ending.stage == "stopping"
    assert after(ending, Stopped(1)).stage == "ready"


def test_a_running_runtime_is_found(survey_of):
    home = surveyed(Home(), survey_of(running=True))
    assert (home.stage, home.url, home.ours) == ("serving", URL, False)


def test_a_picture_in_the_making_is_shown_until_it_is_done(survey_of):
    home = after(surveyed(Home(), survey_of(running=True)), Progress("job-progress", 40, 100, "percent"))
    assert home.progress is not None
    assert amount(home.progress).plain == "━━━━──────── 40%"
    for name in ("job-done", "job-interrupted", "job-failed"):
        assert after(home, Progress(name, 40, 100, "percent")).progress is None


def test_what_is_drawn_and_who_is_here_is_forgotten_when_it_is_over(survey_of):
    home = surveyed(Home(), survey_of(running=True))
    for event in (Visitors(("127.0.0.1",)), Drawing("img2img", 64, 64), Progress("job-progress", 40, 100, "percent")):
        home = after(home, event)
    assert (home.visitors, home.drawing) == (("127.0.0.1",), Drawing("img2img", 64, 64))
    home = after(home, Progress("job-done", 100, 100, "percent"))
    assert (home.visitors, home.drawing, home.progress) == (("127.0.0.1",), None, None)
    assert after(home, Stopped(0)).visitors == ()


def test_an_offer_is_made_only_where_there_is_another_way(survey_of):
    home = begun(surveyed(Home(), survey_of()))
    nothing_free = PortTakenError(1, None)
    assert failed(home, nothing_free).offer is None
    short = LauncherError("out-of-memory", t("x"), t("x"))
    assert failed(home, short).offer is None, "the processor has no ladder to go down"
    assert after(home, Notice("memory-step-down", "info", t("x"))).offer is None
    assert failed(Home(), short).offer is None


def test_a_refused_model_is_said_until_another_is_loaded(survey_of):
    serving = after(begun(surveyed(Home(), survey_of())), Ready(URL, 1, page=True))
    refused = after(serving, Notice("model-failed", "error", t("x")))
    assert refused.refused
    assert "could not be loaded" in AddressCard().draw(refused, str).plain
    loaded = after(refused, ModelLoaded("another", 1.0))
    assert not loaded.refused
    assert "another" in AddressCard().draw(loaded, str).plain
    assert not begun(refused).refused


def test_a_model_that_is_read_from_the_disk_is_said_until_another_is_loaded(survey_of):
    serving = after(begun(surveyed(Home(), survey_of())), Ready(URL, 1, page=True))
    slow = after(after(serving, Notice("model-on-disk", "warning", t("x"))), ModelLoaded("large", 1.0))
    assert "large (slow: read from the disk)" in AddressCard().draw(slow, str).plain
    other = after(after(slow, Phase("model")), ModelLoaded("small", 1.0))
    assert "slow" not in AddressCard().draw(other, str).plain


def test_a_failure_stays_until_the_next_start(survey_of):
    home = failed(begun(surveyed(Home(), survey_of())), LauncherError("x", t("a"), t("b")))
    assert surveyed(home, survey_of()).stage == "failed"
    assert begun(home).error is None
    assert after(home, Line("uv", "x")) is home


@pytest.mark.parametrize(
    ("outside", "shown"),
    [
        ("[red]x[/]", "[red]x[/]"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x07rest", "rest"),
        ("\x1b]0;never ended", ""),
        ("\x9b2Jx\x85", "x�"),
        ("10%\r50%\r100%", "100%"),
        ("windows\r\n", "windows"),
        ("bell\x07null\x00", "bell␇null␀"),
        ("a\tb", "a   b"),
        ("a\u202etxt.exe", "a�txt.exe"),
        ("bad\udcff", "bad�"),
        ("中文 🎨", "中文 🎨"),
    ],
)
def test_text_from_outside_is_shown_and_does_nothing(outside, shown):
    assert plain(outside) == shown


@given(strategies.text(strategies.characters(max_codepoint=0x2100), max_size=60))
def test_no_control_character_survives(outside):
    assert all(0x20 <= ord(character) < 0x7F or ord(character) >= 0xA0 for character in plain(outside))


def test_amounts_are_short():
    counts = (0, 999, 1000, 1536, 99 * 1024**2, 200_000_000, 3 * 1024**4)
    assert [in_bytes(count) for count in counts] == [
        "0 B", "999 B", "1.0 KB", "1.5 KB", "99.0 MB", "191 MB", "3.0 TB",
    ]  # fmt: skip
    assert in_mib(12288) == "12.0 GB"


def test_a_flood_travels_with_one_message():
    inbox = Inbox()
    assert [inbox.put(Line("a", str(number))) for number in range(3)] == [True, False, False]
    assert [event.text for event in inbox.take()] == ["0", "1", "2"]
    assert inbox.take() == []
    assert inbox.put(Line("a", "later"))


def test_the_bar_can_be_read_without_colour():
    assert amount(Progress("x", 25, 100, "files")).plain == "━━━───────── 25%  25 / 100"
    assert amount(Progress("x", 2048, None)).plain == "2.0 KB"
    assert amount(Progress("x", 300, 100, "files")).plain.startswith("━" * 12 + " ")


def test_rate_and_time_stand_beside_the_bar_where_they_are_known():
    assert [str(words) for words in pace(Progress("x", 1, 2, rate=2_500_000.0, seconds_left=75.4))] == [
        "2.4 MB/s", "1:15 left",
    ]  # fmt: skip
    assert pace(Progress("x", 1, 2)) == []
    assert in_time(3725) == "1:02:05"
