"""A download in its surroundings: the disk, other launchers, cancelling, limits, tokens, proxies."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.core.download.door import Address, Patience, Wanted, download
from launcher.core.download.part import PART, Part, beside
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded, Event, Notice, Progress
from launcher.core.process import CancelledError
from tests.launcher.downloads.asked import BRIEF, DATA, SHA256, failure, slugs


def test_a_disk_without_room_is_said_before_anything_is_asked(server, wanted, monkeypatch) -> None:
    usage = shutil.disk_usage(Path.cwd())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=len(DATA)))
    caught = failure(wanted("ok"))
    assert caught.code == "disk-full"
    assert not wanted().target.exists()
    assert server.sent() == 0
    assert not beside(wanted().target, PART).exists()


class FullDisk:
    """A file on a disk that takes 100,000 bytes more, and of the write that meets its end only a part."""

    def __init__(self, file: Any) -> None:
        self._file, self._room = file, 100_000

    def write(self, content: memoryview) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._file.write(content[: self._room])
        self._room -= written
        return int(written)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_disk_that_fills_up_keeps_what_came_and_the_next_run_continues(server, wanted, monkeypatch) -> None:
    opened = Part.open

    def on_a_full_disk(part: Part) -> Iterator[int]:
        yield from opened(part)
        part._file = FullDisk(part._file)  # type: ignore[assignment]

    with monkeypatch.context() as patched:
        patched.setattr(Part, "open", on_a_full_disk)
        assert failure(wanted("ok")).code == "disk-full"
    assert not wanted().target.exists()
    list(download(wanted("ok")))
    assert server.requests[-1].start == 100_000
    assert wanted().target.read_bytes() == DATA


def test_a_disk_so_full_that_not_even_a_lock_can_be_written_is_said(wanted, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(json, "dumps", full)
    assert failure(wanted("ok")).code == "disk-full"


def test_a_name_that_is_too_long_for_the_disk_is_named(wanted, tmp_path) -> None:
    assert failure(wanted("ok", target=tmp_path / ("n" * 300))).code == "no-permission"
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(wanted, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    assert failure(wanted("ok", target=tmp_path / "file" / "m.bin")).code == "no-permission"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_read_only_folder_is_named(wanted, tmp_path) -> None:
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o500)
    assert failure(wanted("ok", target=folder / "m.bin")).code == "no-permission"


def test_two_at_once_fetch_it_once(server, wanted) -> None:
    slow, results = wanted("rate=1500000"), list[list[Event]]()
    threads = [threading.Thread(target=lambda: results.append(list(download(slow)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [type(events[-1]) for events in results] == [Downloaded, Downloaded]
    assert sorted(slugs(results[0]) + slugs(results[1])) == ["download-waiting"]
    assert server.sent() == len(DATA)
    assert [entry.name for entry in slow.target.parent.iterdir()] == ["m.bin"]


def test_who_waits_for_another_can_be_stopped(wanted) -> None:
    silent, other, cancel = wanted("silent"), threading.Event(), threading.Event()
    holder = threading.Thread(target=lambda: consume(download(silent, cancel=other)))
    holder.start()
    until(beside(wanted().target, f"{PART}.lock").exists)
    waiting = download(silent, cancel=cancel)
    assert isinstance(next(waiting), Notice)
    cancel.set()
    consume(waiting)
    other.set()
    holder.join(5)
    assert not holder.is_alive()


def consume(events: Iterator[Event]) -> None:
    with pytest.raises(CancelledError):
        list(events)


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    "mode", ["silent", "connect-hang", "slow-first-byte=60", "stall", "header-trickle=1", "trickle"]
)
def test_cancelling_does_not_wait_for_a_silent_server(mode: str, wanted) -> None:
    cancel, began = threading.Event(), time.monotonic()
    threading.Timer(0.2, cancel.set).start()
    with pytest.raises(CancelledError):
        list(download(wanted(mode), cancel=cancel, patience=Patience(connect=60, silence=60)))
    assert time.monotonic() - began < 5, "far less than anybody's patience"
    assert not wanted().target.exists()


def test_cancelling_before_the_first_byte_costs_nothing_of_the_part(server, wanted) -> None:
    failure(wanted("close-early=0.5"))
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        list(download(wanted("ok"), cancel=cancel))
    list(download(wanted("ok")))
    assert server.requests[-1].start == 200_000


def test_whoever_stops_listening_ends_the_download(server, wanted) -> None:
    events = download(wanted("rate=200000"))
    next(events)
    events.close()
    time.sleep(0.3)
    sent = server.sent()
    time.sleep(0.3)
    assert server.sent() == sent
    list(download(wanted("ok")))
    assert server.requests[-1].status == 206


def test_a_limit_is_kept(wanted) -> None:
    began = time.monotonic()
    list(download(wanted("ok"), limit=800_000))
    assert time.monotonic() - began > 0.3, "400 kB at 800 kB/s take half a second, less a moment's credit"


def test_a_slow_address_is_left_only_for_another(server, wanted) -> None:
    hasty = Patience(slow_rate=600_000, slow_time=0.2, pause=0.01)
    assert slugs(list(download(wanted("rate=400000"), patience=hasty))) == []
    wanted().target.unlink()
    assert slugs(list(download(wanted("rate=400000", "ok"), patience=hasty))) == ["download-slow"]
    assert server.requests[-1].status == 206, "continued, not begun again"


def test_a_token_goes_to_its_own_host_alone(server, tmp_path) -> None:
    for mode in ("redirect", "redirect-host"):
        address = Address(server.url(mode, "m.bin"), authorization="Bearer secret")
        mirror = Address(server.url("404", "m.bin"), "mirror")
        list(download(Wanted("m", tmp_path / mode, (mirror, address), SHA256)))
    seen = [(request.mode, request.headers.get("authorization")) for request in server.requests]
    assert seen == [
        ("404", None), ("redirect", "Bearer secret"), ("ok", "Bearer secret"),
        ("404", None), ("redirect-host", "Bearer secret"), ("ok", None),
    ]  # fmt: skip
    assert "secret" not in repr(address)


def test_secrets_are_in_no_message_and_no_state(server, tmp_path) -> None:
    url = server.url("stall", "m.bin").replace("http://", "http://user:hunter2@") + "?token=abc123"
    wanted = Wanted("m", tmp_path / "m.bin", (Address(url, authorization="Bearer s3"),), SHA256)
    caught = failure(wanted)
    written = str(caught) + beside(wanted.target, f"{PART}.json").read_text()
    assert not [secret for secret in ("hunter2", "abc123", "s3cret") if secret in written]


def test_a_proxy_that_hangs_is_left(server, wanted) -> None:
    """The first address goes through the proxy, the second does not."""
    proxy = server.url("silent").rstrip("/")
    events = list(download(wanted("rate", "ok"), route=lambda url, _: proxy if "rate" in url else None, patience=BRIEF))
    assert slugs(events) == ["download-stalled"]
    assert [request.mode for request in server.requests] == ["ok"]


@pytest.mark.parametrize(("proxy", "code"), [("refused", "download-proxy"), ("closes", "download-proxy")])
def test_a_dead_proxy_is_called_by_its_name(proxy: str, code: str, server, wanted) -> None:
    address = server.url(proxy).rstrip("/").replace("http://", "http://me:hunter2@")
    caught = failure(wanted("ok"), route=lambda url, _: address)
    assert caught.code == code
    assert "hunter2" not in str(caught)


def test_progress_has_rate_and_time_left_and_only_grows(wanted) -> None:
    events = [event for event in download(wanted("rate=300000")) if isinstance(event, Progress)]
    assert [event.done for event in events] == sorted(event.done for event in events)
    assert {event.total for event in events} == {len(DATA)}
    middle = events[len(events) // 2]
    assert middle.rate is not None
    assert 100_000 < middle.rate < 900_000
    assert middle.seconds_left == pytest.approx((len(DATA) - middle.done) / middle.rate)


def test_mixed_bytes_that_are_wrong_give_each_address_another_chance(server, wanted) -> None:
    """Half of it came wrong from one address; which one is not known, so the other is asked for the whole."""
    failure(wanted("close-early=0.5"))
    part = beside(wanted().target, PART)
    part.write_bytes(b"!" + part.read_bytes()[1:])
    events = list(download(wanted("ok"), patience=Patience(pause=0.01)))
    assert slugs(events) == ["download-wrong-bytes"]
    assert wanted().target.read_bytes() == DATA


def test_all_reasons_are_said(wanted) -> None:
    caught = failure(wanted("404", "403", "wrong-bytes"))
    assert caught.code == "download-failed"
    for reason in ("404", "403", "SHA-256"):
        assert reason in str(caught.message)


def test_a_page_is_fetched_as_a_page(server, tmp_path) -> None:
    wanted = Wanted("index", tmp_path / "index.html", (Address(server.url("html")),))
    assert isinstance(list(download(wanted))[-1], Downloaded)


@pytest.mark.parametrize("ending", [".part", PART])
def test_a_part_that_is_not_ours_keeps_every_byte(wanted, ending: str) -> None:
    """A browser's, or anybody's: what has no state of ours beside it is not opened."""
    theirs = beside(wanted().target, ending)
    theirs.write_bytes(b"half of a film")
    if ending == PART:
        assert failure(wanted("ok")).code == "already-there"
    else:
        assert isinstance(list(download(wanted("ok")))[-1], Downloaded)
    assert theirs.read_bytes() == b"half of a film"


def test_a_link_is_not_written_through(wanted, tmp_path) -> None:
    (tmp_path / "theirs").write_bytes(b"")
    beside(wanted().target, PART).symlink_to(tmp_path / "theirs")
    assert failure(wanted("ok")).code == "already-there"
    assert (tmp_path / "theirs").read_bytes() == b""


def test_what_fails_again_and_again_is_said_once(tmp_path) -> None:
    down = tuple(Address(f"http://127.0.0.1:9/{number}", "down") for number in range(3))
    events: list[Event] = []

    coming = download(Wanted("m", tmp_path / "m", down), patience=Patience(pause=0.01, strikes=4))
    # What had come stays in the list when it ends with the failure.
    with pytest.raises(LauncherError):
        events += coming
    assert slugs(events) == ["download-unreachable"]


def test_a_redirect_is_routed_with_the_address_that_was_asked(server, wanted) -> None:
    asked: list[tuple[str, str]] = []

    def route(url: str, led_by: str) -> None:
        asked.append((url, led_by))

    list(download(wanted("redirect-host"), route=route))
    first = wanted("redirect-host").addresses[0].url
    assert len({url for url, _ in asked}) == 2
    assert {led_by for _, led_by in asked} == {first}
