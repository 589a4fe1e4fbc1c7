"""A download after an earlier run: what is continued, what begins anew, and what lies there already."""

from __future__ import annotations

import json
import os
import sys

import pytest

from launcher.core.download.door import Address, Patience, Wanted, download
from launcher.core.download.part import PART, beside
from launcher.core.events import Downloaded, Progress
from tests.fakes.fault_modes import LATER
from tests.launcher.downloads.asked import BRIEF, DATA, SHA256, failure, slugs

ODD_NAMES = [
    "plain.safetensors", "with space.bin", " leading space", "trailing space .bin", "two  spaces", "-rf",
    "--help", "-", "'quote'.bin", '"double".bin', "back`tick", "$HOME", "$(touch pwned)", "a;b", "a&b",
    "a|b", "a>b", "a<b", "a*b", "a?b", "100%", "%20.bin", "a#b", "a+b", "a=b", "a,b",
    "(新) 模型.safetensors", "模" * 60, "画图" * 40, "😀.bin", "👩‍🎨 paint.bin", "é.bin", "e\u0301.bin",
    "عربى.bin", "ﬁ ligature", "n" * 200, "dots...", ".hidden", "a\\b", "new\nline", "tab\there",
    "model.part", "model.gesso-part", "no\udcfftext.bin", "x.part.json",
]  # fmt: skip


def test_the_next_run_continues_with_a_range_and_a_validator(server, wanted) -> None:
    assert failure(wanted("close-early=0.75")).code == "download-cut"
    events = list(download(wanted("ok")))
    assert isinstance(events[-1], Downloaded)
    assert events[-1].sha256 == SHA256
    last = server.requests[-1]
    assert (last.status, last.start, last.sent) == (206, 300_000, 100_000)
    assert "if-range" not in last.headers, "another address's validator says nothing about this one"


def test_the_same_address_is_asked_whether_it_is_still_the_same_file(server, tmp_path) -> None:
    flaky = Wanted("m", tmp_path / "m.bin", (Address(server.url("close-early=0.4", "m.bin")),), None, None)
    assert isinstance(list(download(flaky, patience=Patience(pause=0.01)))[-1], Downloaded)
    assert [request.start for request in server.requests] == [0, 160_000, 320_000]
    assert server.requests[1].headers["if-range"].startswith('"')
    assert flaky.target.read_bytes() == DATA


def test_without_a_hash_two_addresses_are_never_mixed(server, wanted) -> None:
    events = list(download(wanted("close-early", "ok", sha256=None), patience=BRIEF))
    assert [request.start for request in server.requests] == [0, 0]
    assert "download-unverified" in slugs(events)
    done = events[-1]
    assert isinstance(done, Downloaded)
    assert (done.sha256, done.verified) == (SHA256, False)


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, wanted) -> None:
    """The server ignores If-Range: the new validator tells."""
    changing = wanted("ignores-if-range", sha256=None)
    assert isinstance(list(download(changing, patience=Patience(pause=0.01)))[-1], Downloaded)
    assert changing.target.read_bytes() == DATA.translate(LATER)
    assert [request.start for request in server.requests] == [0, 200_000, 0]


@pytest.mark.parametrize("other", [{"sha256": "0" * 64}, {"size": 3}])
def test_bytes_of_another_file_are_not_continued(server, wanted, other) -> None:
    failure(wanted("close-early=0.5"))
    failure(wanted("ok", **other))
    assert server.requests[-1].start == 0


def test_a_spoilt_state_costs_the_part_and_nothing_else(server, wanted) -> None:
    failure(wanted("close-early=0.5"))
    for spoilt in ("", "[]", '{"version": 1}', '{"version": 2, "safe": 9}', "{" * 9):
        beside(wanted().target, f"{PART}.json").write_text(spoilt)
        list(download(wanted("ok")))
        assert server.requests[-1].start == 0
        wanted().target.unlink()
        failure(wanted("close-early=0.5"))


@pytest.mark.parametrize(
    "spoilt", [{"safe": -5, "boot": 1.0}, {"size": -3}, {"validators": '"a\nb"'}, {"validators": "猫"}]
)
def test_a_state_that_somebody_changed_is_none(server, wanted, spoilt: dict) -> None:
    failure(wanted("close-early=0.5"))
    state = beside(wanted().target, f"{PART}.json")
    record = json.loads(state.read_text())
    if "validators" in spoilt:
        spoilt = {"validators": dict.fromkeys(record["validators"], spoilt["validators"])}
    state.write_text(json.dumps(record | spoilt))
    list(download(wanted("close-early=0.5", "ok")))
    assert wanted().target.read_bytes() == DATA


def test_after_a_power_cut_only_what_was_forced_to_the_disk_counts(server, wanted) -> None:
    failure(wanted("close-early=0.5"))
    state = beside(wanted().target, f"{PART}.json")
    state.write_text(json.dumps(json.loads(state.read_text()) | {"boot": 1.0, "safe": 1000}))
    list(download(wanted("ok")))
    assert server.requests[-1].start == 1000


def test_a_part_that_was_complete_needs_no_network(server, wanted) -> None:
    failure(wanted("close-early=0.99"))
    with beside(wanted().target, PART).open("ab") as part:
        part.write(DATA[int(len(DATA) * 0.99) :])
    before = len(server.requests)
    list(download(wanted("500")))
    assert len(server.requests) == before
    assert wanted().target.read_bytes() == DATA


def test_what_is_there_and_right_is_done_at_once(server, wanted) -> None:
    wanted().target.write_bytes(DATA)
    events = list(download(wanted("ok")))
    assert events == [
        Progress("model", len(DATA), len(DATA)),
        Downloaded("model", str(wanted().target), len(DATA), SHA256, True, ""),
    ]
    assert server.requests == []


def test_a_second_name_that_a_killed_process_left_is_swept(wanted) -> None:
    failure(wanted("close-early=0.5"))
    part = beside(wanted().target, PART)
    part.write_bytes(DATA)
    os.link(part, wanted().target)
    list(download(wanted("ok")))
    assert [path.name for path in part.parent.iterdir()] == [wanted().target.name]


@pytest.mark.parametrize("content", [b"mine", DATA[:-1] + b"!"])
def test_another_file_there_is_kept_unless_it_may_be_replaced(wanted, content) -> None:
    wanted().target.write_bytes(content)
    assert failure(wanted("ok")).code == "already-there"
    assert wanted().target.read_bytes() == content
    list(download(wanted("ok"), replace=True))
    assert wanted().target.read_bytes() == DATA


def test_a_folder_of_that_name_is_never_replaced(wanted) -> None:
    wanted().target.mkdir()
    assert failure(wanted("ok"), replace=True).code == "already-there"


def test_nobody_knows_an_address(wanted) -> None:
    assert failure(wanted()).code == "no-address"


@pytest.mark.parametrize("name", ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_odd_names(name: str, wanted, tmp_path) -> None:
    """Cut off once and continued, so that the names of part and state count too."""
    if sys.platform == "win32" and (set(name) & set('<>:"/\\|?*\n\t') or name[-1] in " ."):
        pytest.skip("Windows knows no such name")
    if sys.platform == "darwin" and "\udcff" in name:
        pytest.skip("on macOS a name is text")
    target = tmp_path / "我的 画图 (新)" / name
    failure(wanted("close-early=0.5", target=target))
    assert beside(target, PART).stat().st_size == len(DATA) // 2
    list(download(wanted("ok", target=target)))
    assert [entry.name for entry in target.parent.iterdir()] == [name]
    assert target.read_bytes() == DATA


def test_long_names_that_begin_alike_have_their_own_parts(tmp_path) -> None:
    one, two = (beside(tmp_path / ("画" * 80 + ending), f"{PART}.json") for ending in "ab")
    assert one != two
    assert len(one.name.encode()) < 230


def test_there_are_forty_odd_names() -> None:
    assert len(set(ODD_NAMES)) >= 40
