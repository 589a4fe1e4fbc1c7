"""The pure parts of a download: answers judged, redirects followed, turns taken, rates measured."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from launcher.core.download.answer import Answer, Asked, judge, looks_like_a_page, validator_of
from launcher.core.download.pace import Brake, Pace, Watch
from launcher.core.download.request import Address, Patience, TroubleError, Wanted
from launcher.core.download.roster import Roster
from launcher.core.download.stream import next_hop
from launcher.core.errors import LauncherError
from launcher.core.text import t

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
A, A2, B = Address("https://a/x", "a"), Address("https://a2/x", "a"), Address("https://b/x", "b")


def trouble(status: int, asked: Asked | None = None, **headers: str) -> TroubleError:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(TroubleError) as caught:
        judge(Answer(status, names, "https://a/x"), asked or Asked(0, None, None), NOW)
    return caught.value


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0), ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0), ("soon", None)],
)
def test_retry_after_has_two_forms(header: str, seconds: float | None) -> None:
    assert trouble(429, retry_after=header).pause == seconds
    refused = trouble(403, retry_after=header)
    assert (refused.kind, refused.final) == (("refused", True) if seconds is None else ("busy", False))


@pytest.mark.parametrize(
    ("content_range", "restart"),
    [
        ("bytes 10-99/100", None),
        ("bytes 9-99/100", True),
        ("bytes 10-99/101", True),
        ("bytes 10-99/*", None),
        ("", True),
    ],
)
def test_a_range_must_be_the_one_that_was_asked_for(content_range: str, restart: bool | None) -> None:
    asked = Asked(10, 100, '"v1"')
    if restart is None:
        terms = judge(Answer(206, {"content-range": content_range, "etag": '"v1"'}, ""), asked)
        assert (terms.offset, terms.total) == (10, 100)
    else:
        assert trouble(206, asked, content_range=content_range).restart


def test_another_validator_is_another_file() -> None:
    assert trouble(206, Asked(10, 100, '"v1"'), content_range="bytes 10-99/100", etag='"v2"').restart


def test_the_end_was_reached_if_the_server_says_so() -> None:
    assert judge(Answer(416, {"content-range": "bytes */10"}, ""), Asked(10, None, None)).complete
    assert trouble(416, Asked(10, None, None), content_range="bytes */9").restart
    assert not trouble(416, content_range="bytes */9").restart


def test_only_a_strong_validator_is_carried() -> None:
    assert validator_of({"etag": 'W/"1"'}) is None
    assert validator_of({"etag": 'W/"1"', "last-modified": "yesterday"}) == "yesterday"
    assert validator_of({"etag": '"1"', "last-modified": "yesterday"}) == '"1"'


@pytest.mark.parametrize("first", [b"<!DOCTYPE html>", b"\xef\xbb\xbf\n <HTML lang=zh>", b"<html>"])
def test_pages_are_known_by_their_first_bytes(first: bytes) -> None:
    assert looks_like_a_page(first)
    assert not looks_like_a_page(b"PK\x03\x04" + first)


def test_redirects_stay_encrypted_and_on_the_web() -> None:
    assert next_hop("https://a/x/y", "../z") == "https://a/z"
    assert next_hop("http://a/", "https://b/") == "https://b/"
    for target in ("http://a/", "file:///etc/passwd", "ftp://a/"):
        with pytest.raises(TroubleError):
            next_hop("https://a/", target)


def roster(*addresses: Address, patience: Patience | None = None) -> Roster:
    return Roster(Wanted("m", Path("m"), addresses), patience or Patience(strikes=3))


def stalled(final: bool = False, pause: float | None = None) -> TroubleError:
    return TroubleError("stalled", t("it fell silent"), final=final, pause=pause)


def test_another_group_comes_before_the_sister() -> None:
    turns = roster(A, A2, B)
    assert turns.next(0.0) == (A, 0.0)
    turns.failed(A, stalled(), 0, 0.0)
    assert turns.next(0.1)[0] == B
    turns.failed(B, stalled(final=True), 0, 0.1)
    assert turns.next(0.2)[0] == A2
    turns.failed(A2, stalled(final=True), 0, 0.2)
    assert turns.next(0.3) == (A, 1.0)


def test_who_asks_for_a_pause_gets_it_while_others_are_asked() -> None:
    turns = roster(A, B)
    turns.failed(A, stalled(pause=30.0), 0, 0.0)
    assert turns.next(0.0) == (B, 0.0)
    turns.failed(B, stalled(final=True), 0, 0.0)
    assert turns.next(1.0) == (A, 30.0)
    turns.failed(A, stalled(pause=3600.0), 0, 31.0)
    with pytest.raises(LauncherError):
        turns.next(32.0)


def test_three_fruitless_attempts_in_a_row_are_enough() -> None:
    turns = roster(A)
    for _ in range(10):
        turns.failed(A, stalled(), 10**9, 0.0)
    for _ in range(2):
        assert turns.next(0.0)[0] == A
        turns.failed(A, stalled(), 0, 0.0)
    with pytest.raises(LauncherError) as caught:
        turns.next(0.0)
    assert caught.value.code == "download-stalled"


def test_who_breaks_off_is_gone_back_to_where_the_other_is_much_slower() -> None:
    patience = Patience(strikes=3, slow_time=10)
    turns = roster(A, B, patience=patience)
    assert turns.floor(A) == patience.slow_rate, "nothing is known of the other"
    turns.failed(A, TroubleError("cut", t("it fell silent")), 80_000_000, 8.0, 8.0)
    assert turns.next(8.0)[0] == B
    assert turns.floor(B) == 2_500_000
    turns.failed(B, TroubleError("slow", t("it is slow")), 1_000_000, 18.0, 10.0)
    assert turns.next(18.0)[0] == A
    turns.failed(A, TroubleError("cut", t("it fell silent")), 80_000_000, 26.0, 8.0)
    assert turns.next(26.0) == (A, 27.0), "a second's pause is shorter than the slow one's way"
    turns.failed(A, stalled(final=True), 0, 27.0)
    assert turns.next(27.0)[0] == B
    assert turns.floor(B) is None


def test_a_place_that_may_have_other_bytes_is_the_last() -> None:
    guess = Address("https://c/x", "c", sure=False)
    turns = roster(guess, A, B)
    for _ in range(2):
        turns.failed(A, stalled(), 0, 0.0)
        turns.failed(B, stalled(), 0, 0.0)
        assert turns.next(0.0)[0] in (A, B)
    assert turns.floor(A) is not None
    for address in (A, B):
        turns.failed(address, stalled(final=True), 0, 0.0)
    assert turns.next(0.0) == (guess, 0.0)


def test_the_rate_is_smoothed() -> None:
    pace = Pace(0, 0.0)
    assert (pace.rate, pace.seconds_left(0, 100)) == (None, None)
    for second in range(1, 21):
        pace.measure(second * 1000, float(second))
    assert pace.rate == pytest.approx(1000)
    assert pace.seconds_left(20_000, 30_000) == pytest.approx(10)
    pace.measure(40_000, 21.0)
    assert 1000 < (pace.rate or 0) < 10_000, "one burst does not count for much"
    pace.measure(0, 22.0)
    assert (pace.rate or 0) > 0, "beginning again is no negative rate"


def test_slow_is_below_the_floor_for_long_and_a_limit_of_ones_own_is_none() -> None:
    watch = Watch(1000, 10, None, 0.0)
    assert [watch.slow(900, second) for second in (1.0, 9.0)] == [False, False]
    assert watch.slow(0, 10.0)
    assert not watch.slow(10_000, 20.0)
    assert not Watch(1000, 10, 500, 0.0).slow(4000, 10.0)


def test_a_low_limit_takes_small_bites() -> None:
    assert Brake(None).bite(1000) == 1000
    assert Brake(800).bite(1000) == 100
    assert Brake(1).bite(1000) == 1
    assert Brake(0).limit is None
