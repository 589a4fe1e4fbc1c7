"""Measuring mirrors on the fault server: nobody makes it wait, and each fault has its name and its sentence."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Probed, Progress
from launcher.core.network.mirror_probe import Measurement, measure
from launcher.core.network.mirror_samples import Sample, sample_of_kind, sample_of_lock, sample_of_torch, sample_of_url
from launcher.core.network.mirror_verdicts import SENTENCES
from launcher.core.network.mirrors import KINDS, Kind, Measuring, Mirror, Style, read_mirrors
from launcher.core.packages.index_pages import IndexFile, project_page, read_page
from launcher.core.packages.sources import ENGINE_LOCK
from tests.fakes.fault_modes import MODES
from tests.fakes.fault_server import FaultServer
from tests.fakes.fault_sockets import SOCKET_MODES

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
CONTENT = random.Random(4).randbytes(300_000)
WHEEL = "sample-1.0-py3-none-any.whl"
SAMPLE = Sample("packages", "sample 1.0", None, "sample", "1.0", PYTHON)
MODEL = "https://huggingface.co/owner/model.safetensors"
#: enough for the loopback
QUICK = Measuring(mib=1, seconds=2.5, hours=24, bench_minutes=30)
#: for fifty at once, on a computer that does other things too
MANY = Measuring(mib=1, seconds=6.0, hours=24, bench_minutes=30)
#: how each fault shows in a file that lies behind an index, where it is not "has the right file"
BEHIND_AN_INDEX = {
    "slow-first-byte": "stalled", "trickle": "stalled", "header-trickle": "stalled", "stall": "stalled",
    "close-early": "cut", "reset": "cut", "truncated": "lacks-file", "longer": "wrong-size", "says-longer": "cut",
    "says-shorter": "lacks-file", "no-length-cut": "lacks-file", "chunk-broken": "cut", "endless": "stalled",
    "empty": "lacks-file", "redirect-loop": "redirects", "redirect-file": "redirects", "401": "unauthorized",
    "403": "refused", "403-for-a-while": "busy", "404": "not-found", "416": "wrong-range",
    "416-for-ranges": "wrong-range", "429": "busy", "500": "broken", "503-twice": "busy", "html": "login-page",
    "html-as-binary": "login-page", "captive": "login-page", "login-511": "login-page", "zeros": "lacks-file",
    "other-file": "lacks-file", "garbage": "cut", "refused": "unreachable", "connect-hang": "unreachable",
    "silent": "stalled", "tls-garbage": "certificate", "closes": "cut", "ignores-if-range": "cut",
}  # fmt: skip
#: and in a file whose address is known
BY_ADDRESS = {
    "slow-first-byte": "stalled", "trickle": "slow", "header-trickle": "stalled", "stall": "stalled",
    "close-early": "cut", "reset": "cut", "truncated": "wrong-size", "longer": "wrong-size", "says-longer": "cut",
    "says-shorter": "wrong-size", "no-length-cut": "cut", "chunk-broken": "cut", "endless": "wrong-size",
    "empty": "wrong-size", "redirect-loop": "redirects", "redirect-file": "redirects", "401": "unauthorized",
    "403": "refused", "404": "not-found", "416": "wrong-range", "416-for-ranges": "wrong-range", "429": "busy",
    "500": "broken", "503-twice": "busy", "html": "login-page", "html-as-binary": "login-page",
    "captive": "login-page", "login-511": "login-page", "zeros": "wrong-bytes", "other-file": "wrong-size",
    "ignores-if-range": "wrong-bytes", "garbage": "cut", "refused": "unreachable", "connect-hang": "unreachable",
    "silent": "stalled", "tls-garbage": "certificate", "closes": "cut",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultServer]:
    root = tmp_path_factory.mktemp("index")
    for path in (root / "sample" / WHEEL, root / "owner" / "model.safetensors"):
        path.parent.mkdir()
        path.write_bytes(CONTENT)
    for number in range(9):
        (root / "sample" / f"sample-0.{number}-py3-none-any.whl").write_bytes(b"older")
    with FaultServer(root) as server:
        yield server


def mirror(url: str, name: str, group: str | None = None, style: Style = "index") -> Mirror:
    return Mirror(name, group or name, None, url=url.rstrip("/"), style=style)


def result(measuring: Generator[Event, None, Measurement]) -> tuple[list[Event], Measurement]:
    kept: list[Measurement] = []

    def keep() -> Iterator[Event]:
        kept.append((yield from measuring))

    return list(keep()), kept[0]


@pytest.mark.parametrize(("kind", "known"), [("packages", BEHIND_AN_INDEX), ("huggingface", BY_ADDRESS)])
def test_every_fault_is_named_and_none_is_waited_for(server: FaultServer, kind: Kind, known: dict[str, str]) -> None:
    modes = [*MODES, *SOCKET_MODES]
    assert len(modes) >= 25
    style: Style = "index" if kind == "packages" else "endpoint"
    mirrors = [mirror(server.url(mode), mode, style=style) for mode in modes]
    sample = SAMPLE if kind == "packages" else sample_of_url(kind, MODEL, len(CONTENT))
    began = time.monotonic()
    _, found = result(measure(sample, mirrors, MANY))
    assert time.monotonic() - began < MANY.seconds + 4, "the slowest mirror decides nothing"
    assert {each.name: each.slug for each in found.verdicts if each.slug != "ok"} == {
        mode: slug for mode, slug in known.items() if mode in modes
    }
    assert all(each.slug in SENTENCES for each in found.verdicts)


def test_the_fastest_comes_first_and_the_slow_one_last(server: FaultServer) -> None:
    rates = {"middle": "rate=2000000", "fast": "rate=8000000", "slow": "rate=20000"}
    mirrors = [mirror(server.url(mode), name, style="endpoint") for name, mode in rates.items()]
    _, found = result(measure(sample_of_url("huggingface", MODEL, len(CONTENT)), mirrors, QUICK))
    assert [each.name for each in found.ranking] == ["fast", "middle", "slow"]
    slow = found.of("slow")
    assert slow is not None
    assert slow.slug == "slow"
    assert 10_000 < (slow.rate or 0) < 40_000


def test_no_more_is_fetched_than_is_needed(tmp_path: Path) -> None:
    with FaultServer(bytes(30 << 20)) as server:
        sample = sample_of_url("huggingface", MODEL, 30 << 20)
        _, found = result(measure(sample, [mirror(server.url(), "one", style="endpoint")], QUICK))
        assert [each.slug for each in found.verdicts] == ["ok"]
        assert [request.method for request in server.requests] == ["HEAD", "GET"]
        assert server.requests[1].headers["range"] == "bytes=0-1048575"
        assert server.sent() <= 1 << 20


@pytest.mark.parametrize("style", ["endpoint", "prefix", "release-folder"])
def test_no_mirror_is_measured_with_an_address_that_may_hold_a_secret(style: Style, tmp_path: Path) -> None:
    with FaultServer(b"x" * 100) as server:
        sample = sample_of_url("github", "https://me:s3cret@github.com/a/releases/download/b/c?token=s3cret")
        _, found = result(measure(sample, [mirror(server.url(), "one", style=style)], QUICK))
        assert [each.slug for each in found.verdicts] == ["unlisted"]
        assert server.requests == []


def test_the_official_place_decides_which_bytes_are_right(server: FaultServer) -> None:
    """Two that agree with each other are wrong when the official index says otherwise."""
    official = Mirror("official", "official", None, official=True)
    liars = [mirror(server.url("longer"), "liar", style="index"), mirror(server.url("longer"), "twin", style="index")]
    honest = mirror(server.url("ok"), "honest")
    _, found = result(measure(SAMPLE, [*liars, honest, official], QUICK, index=server.url("no-validator")))
    assert [each.slug for each in found.verdicts] == ["wrong-size", "wrong-size", "ok", "ok"]
    _, without = result(measure(SAMPLE, [*liars, honest], QUICK))
    assert [each.slug for each in without.verdicts] == ["ok", "ok", "wrong-size"], "the hash has the last word then"


def test_a_known_hash_is_stronger_than_everybody(server: FaultServer) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    sample = Sample("packages", "sample 1.0", None, "sample", "1.0", PYTHON, frozenset({digest}))
    _, found = result(measure(sample, [mirror(server.url("ok"), "right")], QUICK))
    assert found.verdicts[0].slug == "ok"
    other = Sample("packages", "sample 1.0", None, "sample", "1.0", PYTHON, frozenset({"0" * 64}))
    _, found = result(measure(other, [mirror(server.url("ok"), "wrong")], QUICK))
    assert found.verdicts[0].slug == "lacks-file"


def test_progress_counts_mirrors_and_a_stop_ends_it(server: FaultServer) -> None:
    mirrors = [mirror(server.url("ok"), "one"), mirror(server.url("silent"), "two")]
    events, _ = result(measure(SAMPLE, mirrors, Measuring(1, 0.5, 24, 30)))
    assert events[0] == Progress("mirrors", 0, 2, "mirrors") or events[0] == Progress("mirrors", 1, 2, "mirrors")
    cancel = threading.Event()
    cancel.set()
    began = time.monotonic()
    with pytest.raises(LauncherError, match="interrupted"):
        result(measure(SAMPLE, mirrors, Measuring(1, 30.0, 24, 30), cancel=cancel))
    assert time.monotonic() - began < 5


def test_each_mirror_says_how_far_it_is(server: FaultServer) -> None:
    """Enough for a bar of its own, and nothing is said twice."""
    mirrors = [
        mirror(server.url("rate=150000"), "slow", style="endpoint"),
        mirror(server.url("ok"), "quick", style="endpoint"),
    ]
    events, _ = result(measure(sample_of_url("huggingface", MODEL, len(CONTENT)), mirrors, QUICK))
    said = [event for event in events if isinstance(event, Probed)]
    slow = [each for each in said if each.name == "slow"]
    assert {each.kind for each in said} == {"huggingface"}
    assert len(slow) > 1
    assert slow[0].done < len(CONTENT), "bytes may have come before the first look at it"
    assert [each.done for each in slow] == sorted(each.done for each in slow)
    assert len(set(said)) == len(said)
    assert [each.over for each in slow].count(True) <= 1
    last = [each for each in said if each.name == "quick"][-1]
    assert (last.done, last.over) == (min(last.total, len(CONTENT)), True)


def test_threads_of_silent_servers_end_with_the_measurement(server: FaultServer) -> None:
    before = threading.active_count()
    result(
        measure(SAMPLE, [mirror(server.url("trickle"), str(number)) for number in range(5)], Measuring(1, 0.5, 1, 1))
    )
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before + 6, "those of the server itself may take a little longer"


def test_a_page_of_links_is_a_place_too(server: FaultServer) -> None:
    place = mirror(server.url("ok", "sample") + "/", "flat", style="find-links")
    place = Mirror(**{**place.__dict__, "url": server.url("ok", "sample/")})
    _, found = result(measure(Sample("torch", "s", None, "sample", "1.0", PYTHON, tag="cpu"), [place], QUICK))
    assert (found.verdicts[0].slug, found.key) == ("ok", "torch:cpu")


def test_a_page_with_words_that_nobody_knows_is_read_as_far_as_it_goes() -> None:
    page = (
        '<a href="a-1.0-py3-none-any.whl#sha256=' + "a" * 64 + '">a</a><a href="http://[x">x</a><![weird[<a href="b">b'
    )
    assert read_page(page, "https://m.example/simple/a/") == (
        IndexFile("a-1.0-py3-none-any.whl", "https://m.example/simple/a/a-1.0-py3-none-any.whl", "a" * 64),
    )


def test_both_forms_of_a_project_page() -> None:
    url = "https://m.example/simple/torch/"
    file = {"filename": "t-1-py3-none-any.whl", "url": "../../f/t%2B", "hashes": {"sha256": "AB"}, "size": 3}
    listed = json.dumps({"files": [file]})
    assert read_page(listed, url) == (IndexFile("t-1-py3-none-any.whl", "https://m.example/f/t%2B", "ab", 3),)
    assert read_page("{", url) == read_page('{"files": [3]}', url) == ()
    linked = '<base href="https://files.example/x/"><a href="t-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl">t</a>'
    assert read_page(linked, url)[0].name == "t-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"
    assert read_page(linked, url)[0].url.startswith("https://files.example/x/t-2.13.0%2B")
    assert project_page("https://m.example/simple/", "Foo_Bar.baz") == "https://m.example/simple/foo-bar-baz/"


def test_the_wheel_for_this_computer_is_asked_for() -> None:
    tag = "cp" + PYTHON.replace(".", "")
    names = [f"torch-2.13.0+cpu-{tag}-{tag}-{system}.whl" for system in ("linux_x86_64", "linux_aarch64", "win_amd64")]
    names += [f"torch-2.13.0-{tag}-{tag}-linux_x86_64.whl", "torch-2.13.0+cpu.tar.gz", "torch-nonsense.whl"]
    files = [IndexFile(name, f"https://m.example/{name}") for name in names]
    picked = sample_of_torch("2.13.0+cpu", "cpu", "https://official.example", PYTHON).pick(files)
    assert picked is None or picked.name.startswith("torch-2.13.0+cpu-")
    assert sample_of_torch("2.13.0+cu999", "cu999", "https://official.example", PYTHON).pick(files) is None


def test_every_kind_has_something_to_ask_for() -> None:
    mirrors = read_mirrors()
    packages = sample_of_lock(ENGINE_LOCK, mirrors.samples.packages, PYTHON)
    assert packages is not None
    assert packages.hashes
    assert packages.name.startswith("sympy ")
    assert sample_of_lock(ENGINE_LOCK, ("no-such-project",), PYTHON) is None
    assert sample_of_lock(Path("/nowhere"), ("gradio",), PYTHON) is None
    assert {kind for kind in KINDS if sample_of_kind(mirrors, kind)} == {"huggingface", "modelscope", "github"}


def test_a_mistake_of_ours_is_not_taken_for_a_bad_mirror(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("launcher.core.network.mirror_reading._ask_headers", mistaken)
    with pytest.raises(ZeroDivisionError):
        result(measure(SAMPLE, [mirror(server.url("ok"), "one")], QUICK))
