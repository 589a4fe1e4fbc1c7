"""The one door for files, against the fault server: each way of failing, alone and with a good address behind it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.download.door import Address, Patience, Wanted, download
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded, Event, Notice, Progress
from tests.fakes.fault_modes import MODES
from tests.fakes.fault_server import FaultServer
from tests.fakes.fault_sockets import SOCKET_MODES

DATA = random.Random(4).randbytes(700_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
#: short, so that the table takes seconds
BRIEF = Patience(
    connect=0.4,
    silence=0.4,
    slow_rate=100_000,
    slow_time=0.3,
    longest_pause=2.0,
    pause=0.02,
    longest_unknown=4_000_000,
    strikes=3,
)

# What happens at each mode if it is the only address: None, or the code of the error.
ALONE: dict[str, str | None] = {
    "ok": None,
    "rate": None,
    "slow-first-byte=0.1": None,
    "slow-first-byte=2": "download-stalled",
    "header-trickle": "download-stalled",
    "stall": "download-stalled",
    "close-early": None,
    "close-early=0": "download-cut",
    "reset": None,
    "truncated": "download-wrong-size",
    "longer": "download-wrong-size",
    "says-longer": "download-wrong-size",
    "says-shorter": "download-wrong-size",
    "no-length": None,
    "no-length-cut": "download-cut",
    "chunked": None,
    "chunk-broken": None,
    "endless": "download-wrong-size",
    "empty": "download-wrong-size",
    "redirect": None,
    "redirect-loop": "download-redirects",
    "redirect-host": None,
    "redirect-plain": None,
    "redirect-file": "download-redirects",
    "401": "download-unauthorized",
    "403": "download-refused",
    "403-for-a-while=0": None,
    "404": "download-not-found",
    "416": "download-wrong-range",
    "416-for-ranges": None,
    "429": None,
    "429=100": "download-busy",
    "500": "download-broken",
    "503-twice": None,
    "html": "download-login-page",
    "html-as-binary": "download-wrong-size",
    "captive": "download-login-page",
    "login-511": "download-login-page",
    "wrong-bytes": "download-wrong-bytes",
    "zeros": "download-wrong-bytes",
    "other-file": "download-wrong-size",
    "ignores-range": None,
    "wrong-range": None,
    "lying-range": None,
    "new-etag": None,
    "ignores-if-range": "download-wrong-bytes",
    "weak-etag": None,
    "no-validator": None,
    "gzip": None,
    "no-head": None,
    "garbage": "download-cut",
    "refused": "download-unreachable",
    "connect-hang": "download-unreachable",
    "silent": "download-stalled",
    "tls-garbage": "download-certificate",
    "closes": "download-cut",
}
ENDLESS = {"trickle"}
# The same where nothing but the SHA-256 is known, for the modes in which the size had told.
HASH_ALONE: dict[str, str | None] = {
    "truncated": "download-wrong-bytes",
    "longer": "download-wrong-bytes",
    "says-longer": "download-cut",
    "says-shorter": "download-wrong-bytes",
    "no-length": None,
    "no-length-cut": "download-wrong-bytes",
    "endless": "download-wrong-size",
    "chunked": None,
    "empty": "download-wrong-bytes",
    "html-as-binary": "download-login-page",
    "other-file": "download-wrong-bytes",
    "gzip": None,
    "ignores-range": None,
    "close-early": None,
}
# And where nothing is known at all: what cannot be told is accepted, and said to be unverified.
NOTHING_KNOWN: dict[str, str | None] = {
    "close-early": None,
    "chunked": None,
    "no-length": None,
    "chunk-broken": "download-cut",
    "says-longer": "download-cut",
    "empty": "download-cut",
    "html": "download-login-page",
    "html-as-binary": "download-login-page",
    "captive": "download-login-page",
    "new-etag": None,
    "weak-etag": None,
}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(DATA) as server:
        yield server


def wanted_from(target: Path, *addresses: Address, **known: object) -> Wanted:
    return Wanted("model", target, addresses, **{"sha256": SHA256, "size": len(DATA), **known})  # type: ignore[arg-type]


def kinds(events: list[Event]) -> list[str]:
    return [event.slug for event in events if isinstance(event, Notice)]


def left_behind(target: Path) -> set[str]:
    return {entry.name for entry in target.parent.iterdir()} - {target.name}


def test_the_table_has_every_mode() -> None:
    named = {mode.partition("=")[0] for mode in ALONE}
    assert named | ENDLESS == MODES.keys() | SOCKET_MODES.keys()
    assert len(named) >= 25


@pytest.mark.parametrize("mode", ALONE)
def test_alone(mode: str, server: FaultServer, tmp_path: Path) -> None:
    """The right bytes, or a named failure and nothing under the file's name."""
    wanted = wanted_from(tmp_path / "model.safetensors", Address(server.url(mode, "model.safetensors")))
    if ALONE[mode] is None:
        events = list(download(wanted, patience=BRIEF))
        assert wanted.target.read_bytes() == DATA
        assert isinstance(events[-1], Downloaded)
        assert left_behind(wanted.target) == set()
        return
    # Waiting three times for silence proves no more than waiting once.
    once = ALONE[mode] in ("download-stalled", "download-unreachable")
    with pytest.raises(LauncherError) as failure:
        list(download(wanted, patience=replace(BRIEF, strikes=1) if once else BRIEF))
    assert failure.value.code == ALONE[mode]
    assert not wanted.target.exists()


@pytest.mark.parametrize(
    ("mode", "code", "sha256"),
    [*((*row, SHA256) for row in HASH_ALONE.items()), *((*row, None) for row in NOTHING_KNOWN.items())],
)
def test_alone_and_little_is_known(mode: str, code: str | None, sha256: str | None, server, tmp_path: Path) -> None:
    wanted = wanted_from(tmp_path / "m.bin", Address(server.url(mode, "m.bin")), sha256=sha256, size=None)
    if code is None:
        events = list(download(wanted, patience=BRIEF))
        assert wanted.target.read_bytes() == DATA
        assert ("download-unverified" in kinds(events)) == (sha256 is None)
        return
    with pytest.raises(LauncherError) as failure:
        list(download(wanted, patience=BRIEF))
    assert failure.value.code == code
    assert not wanted.target.exists()


@pytest.mark.parametrize("mode", [*ALONE, "trickle"])
def test_another_group_helps_out(mode: str, server: FaultServer, tmp_path: Path) -> None:
    """With a good address in another group behind it every mode ends well, though the bad address's sister is first."""
    wanted = wanted_from(
        tmp_path / "model.safetensors",
        Address(server.url(mode, "a/model.safetensors"), "bad"),
        Address(server.url(mode, "b/model.safetensors"), "bad"),
        Address(server.url("ok", "model.safetensors"), "good"),
    )
    events = list(download(wanted, patience=BRIEF))
    assert wanted.target.read_bytes() == DATA
    assert left_behind(wanted.target) == set()
    if ALONE.get(mode, "slow") is not None:
        assert kinds(events), "it is said why another address is asked"
    # The sister is not asked before the other group was.
    assert not any(request.path.startswith("b/") for request in server.requests)
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.done, last.total) == (len(DATA), len(DATA))
