"""Models from the network, against the fault server: the right bytes from whoever gives them, or a sentence."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.core.download.door import Address, Patience, Wanted, direct
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded, Event, Notice, Progress, Step
from launcher.core.models import addresses as models_addresses
from launcher.core.models import fetch as models_fetch
from launcher.core.models.add import Added, add_url
from launcher.core.models.addresses import (
    Ways,
    typed_first,
)
from launcher.core.models.catalogue import Entry, Location
from launcher.core.models.fetch import check_room, fetch, fetch_one, remaining, target_of
from launcher.core.models.known import read_known
from launcher.core.network.mirror_choice import look_around
from launcher.core.paths import Workspace
from launcher.core.process import CancelledError
from launcher.core.records import read_record
from launcher.core.text import t
from tests.fakes.fault_modes import MODES
from tests.fakes.fault_server import FaultServer
from tests.fakes.fault_sockets import SOCKET_MODES
from tests.fakes.model_files import checkpoint, lora, write_safetensors, write_torch

BRIEF = Patience(connect=0.4, silence=0.3, slow_rate=100_000, slow_time=0.3, longest_pause=0.5, pause=0.01, strikes=2)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "我的 画图 (新)")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_safetensors(tmp_path_factory.mktemp("host") / "m.safetensors", checkpoint("sd1", blocks=1))


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[FaultServer]:
    with FaultServer(model.read_bytes()) as server:
        yield server


def ways(workspace: Workspace) -> Ways:
    return Ways(look_around(workspace, {}), direct, None, {}, BRIEF)


def entry(model: Path, *urls: str, kind: str = "checkpoint") -> Entry:
    data = model.read_bytes()
    places = tuple(Location("url", "stated", url=url) for url in urls)
    return Entry(
        "dream '1'.safetensors", kind, "sd1", "safetensors", 4, "models/Stable-diffusion", len(data),  # type: ignore[arg-type]
        hashlib.sha256(data).hexdigest(), "MIT", "one-source", (), places,
    )  # fmt: skip


def test_a_model_is_fetched_checked_and_not_hashed_again(
    workspace: Workspace, model: Path, server: FaultServer
) -> None:
    wanted = entry(model, server.url("ok", "m.safetensors"))
    assert remaining(workspace, [wanted]) == wanted.bytes
    events: list[Event] = list(fetch(workspace, [wanted], ways(workspace)))
    assert [event.state for event in events if isinstance(event, Step)] == ["started", "done"]
    target = target_of(workspace, wanted)
    assert target.read_bytes() == model.read_bytes()
    found = target.stat()
    known = read_known(workspace).of(str(target), found.st_size, found.st_mtime_ns)
    assert known is not None
    assert known.sha256 == wanted.sha256
    cache = read_record(workspace.root / "cache.json") or {}
    assert cache["hashes"]["checkpoint/dream '1'.safetensors"]["sha256"] == wanted.sha256
    assert remaining(workspace, [wanted]) == 0
    again = [event for event in fetch(workspace, [wanted], ways(workspace)) if isinstance(event, Downloaded)]
    assert [event.source for event in again] == [""]


@pytest.mark.parametrize("mode", sorted({*MODES, *SOCKET_MODES} - {"ok", "rate"}))
def test_whatever_one_host_does_the_other_one_gives_the_right_bytes(
    mode: str, workspace: Workspace, model: Path, server: FaultServer
) -> None:
    wanted = entry(model, server.url(mode, "m.safetensors"), server.url("ok", "m.safetensors", other_host=True))
    list(fetch(workspace, [wanted], ways(workspace)))
    assert target_of(workspace, wanted).read_bytes() == model.read_bytes()
    assert [path.name for path in target_of(workspace, wanted).parent.iterdir()] == [wanted.name]


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("401", "download-unauthorized"),
        ("403", "download-refused"),
        ("404", "download-not-found"),
        ("html", "download-login-page"),
        ("wrong-bytes", "download-wrong-bytes"),
        ("truncated", "download-wrong-size"),
        ("refused", "download-unreachable"),
    ],
)
def test_without_another_host_it_is_said_and_nothing_lies_there(
    mode: str, code: str, workspace: Workspace, model: Path, server: FaultServer
) -> None:
    wanted = entry(model, server.url(mode, "m.safetensors"))
    with pytest.raises(LauncherError) as refused:
        list(fetch(workspace, [wanted], ways(workspace)))
    assert refused.value.code == code
    assert str(refused.value.hint)
    assert not target_of(workspace, wanted).exists()


def test_each_disk_is_asked_about_what_will_lie_on_it(
    workspace: Workspace, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, int]] = []
    monkeypatch.setattr(models_fetch, "check_space", lambda target, needed: asked.append((target.parent, needed)))
    lora = workspace.models / "Lora"
    lora.mkdir(parents=True)
    one = entry(model)
    other = replace(one, folder="models/Lora", name="b.safetensors")
    check_room(workspace, [one, other])
    assert asked == [(workspace.models, 2 * one.bytes)]


def test_a_line_that_is_down_is_said_once_for_each_host(workspace: Workspace, model: Path, server: FaultServer) -> None:
    urls = [server.url("refused", name) for name in ("a", "b", "c")]
    said: list[Event] = []
    with pytest.raises(LauncherError):
        said.extend(fetch(workspace, [entry(model, *urls)], ways(workspace)))
    assert len([event for event in said if isinstance(event, Notice)]) == 1


def test_another_file_of_that_name_is_never_written_over(
    workspace: Workspace, model: Path, server: FaultServer
) -> None:
    wanted = entry(model, server.url("ok", "m.safetensors"))
    target_of(workspace, wanted).parent.mkdir(parents=True)
    target_of(workspace, wanted).write_bytes(b"mine")
    with pytest.raises(LauncherError) as refused:
        list(fetch(workspace, [wanted], ways(workspace)))
    assert refused.value.code == "already-there"
    assert target_of(workspace, wanted).read_bytes() == b"mine"


def test_a_file_that_comes_under_that_name_meanwhile_is_not_written_over(
    workspace: Workspace, model: Path, server: FaultServer
) -> None:
    wanted = entry(model, server.url("ok", "m.safetensors"))
    target = target_of(workspace, wanted)
    work = fetch(workspace, [wanted], ways(workspace))
    for event in work:
        if isinstance(event, Progress) and not target.exists():
            target.write_bytes(b"mine")
            break
    with pytest.raises(LauncherError, match="already-there"):
        list(work)
    assert target.read_bytes() == b"mine"
    target.unlink()
    before = server.sent()
    list(fetch(workspace, [wanted], ways(workspace)))
    assert server.sent() == before, "what had come was kept"
    assert [path.name for path in target.parent.iterdir()] == [wanted.name]


def test_a_link_to_a_disk_that_is_away_is_left(workspace: Workspace, model: Path, server: FaultServer) -> None:
    wanted = entry(model, server.url("ok", "m.safetensors"))
    target = target_of(workspace, wanted)
    target.parent.mkdir(parents=True)
    target.symlink_to(workspace.root / "away/m.safetensors")
    with pytest.raises(LauncherError, match="already-there"):
        list(fetch(workspace, [wanted], ways(workspace)))
    assert target.is_symlink()


def test_places_that_may_have_other_bytes_are_asked_last(
    workspace: Workspace, model: Path, server: FaultServer
) -> None:
    wanted = entry(model, server.url("wrong-bytes", "m"), server.url("close-early=0.5", "m"), server.url("ok", "m"))
    places = (replace(wanted.locations[0], same_bytes="size"), *wanted.locations[1:])
    before = server.sent("wrong-bytes")
    list(fetch(workspace, [replace(wanted, locations=places)], ways(workspace)))
    assert server.sent("wrong-bytes") == before


def test_a_stopped_download_goes_on_where_it_ended(workspace: Workspace, tmp_path: Path) -> None:
    big = write_safetensors(tmp_path / "big.safetensors", {"x": ("F16", (2_000_000,))})
    with FaultServer(big.read_bytes()) as server:
        wanted = entry(big, server.url("rate=3000000", "big.safetensors"))
        cancel = threading.Event()
        work = fetch(workspace, [wanted], ways(workspace), cancel=cancel)
        next(event for event in work if isinstance(event, Progress) and event.done > 0)
        cancel.set()
        with pytest.raises(CancelledError):
            list(work)
        left = remaining(workspace, [wanted])
        assert 0 < left < wanted.bytes
        list(fetch(workspace, [wanted], ways(workspace)))
        assert target_of(workspace, wanted).stat().st_size == wanted.bytes
        assert sum(request.sent for request in server.requests) <= wanted.bytes * 1.5


# -- addresses that people bring


def added(workspace: Workspace, url: str, **more: Any) -> tuple[Added, list[object]]:
    found: list[Added] = []
    events: list[object] = []

    def listening() -> Any:
        found.append((yield from add_url(workspace, url, ways(workspace), **more)))

    events.extend(listening())
    return found[0], events


def test_a_file_of_an_address_is_judged_and_put_into_its_folder(
    workspace: Workspace, model: Path, server: FaultServer
) -> None:
    found, events = added(workspace, server.url("ok", "dir/猫 模型.safetensors") + "?download=true")
    assert found.path == workspace.models / "Stable-diffusion/猫 模型.safetensors"
    assert (found.kind, found.how) == ("checkpoint", "downloaded")
    assert found.path.read_bytes() == model.read_bytes()
    assert [event.slug for event in events if isinstance(event, Notice)] == ["download-unverified"]
    assert list((workspace.cache / "incoming").iterdir()) == []
    again, _ = added(workspace, server.url("ok", "dir/猫 模型.safetensors") + "?download=true")
    assert again.path == found.path


def test_a_known_hash_is_checked(workspace: Workspace, model: Path, server: FaultServer) -> None:
    right = hashlib.sha256(model.read_bytes()).hexdigest()
    found, events = added(workspace, server.url("ok", "a.safetensors"), sha256=right)
    assert [event for event in events if isinstance(event, Notice)] == []
    with pytest.raises(LauncherError) as wrong:
        added(workspace, server.url("ok", "b.safetensors"), sha256="0" * 64)
    assert wrong.value.code == "download-wrong-bytes"
    assert [path.name for path in found.path.parent.iterdir()] == ["a.safetensors"]


def test_what_comes_is_not_always_a_model(workspace: Workspace, tmp_path: Path) -> None:
    evil = write_torch(tmp_path / "evil.pt", lora("sd1", layers=1), call="os system")
    for content, code in ((b"PNG, honestly" * 9, "not-a-model"), (evil.read_bytes(), "dangerous-pickle")):
        with FaultServer(content) as server:
            for times in (1, 2):
                with pytest.raises(LauncherError) as refused:
                    added(workspace, server.url("ok", "x.safetensors"))
                assert refused.value.code == code
                assert len(server.requests) == times
                assert not list((workspace.cache / "incoming").iterdir())
    assert not workspace.models.exists()


def test_what_came_once_is_fetched_again_when_the_hash_is_told_later(
    workspace: Workspace, tmp_path: Path, model: Path, server: FaultServer
) -> None:
    unknown = write_safetensors(tmp_path / "u.safetensors", {"x": ("F16", (3, 3))})
    with FaultServer(unknown.read_bytes()) as other:
        url = other.url("ok", "u.safetensors")
        with pytest.raises(LauncherError, match="kind-unknown"):
            added(workspace, url)
        with pytest.raises(LauncherError, match="download-wrong-bytes"):
            added(workspace, url, sha256="0" * 64)
        found, _ = added(workspace, url, kind="upscaler")
    assert (found.path, found.verified) == (workspace.models / "ESRGAN/u.safetensors", False)
    right = hashlib.sha256(model.read_bytes()).hexdigest()
    found, _ = added(workspace, server.url("ok", "m.safetensors"), sha256=right)
    assert (found.sha256, found.verified) == (right, True)


@pytest.mark.parametrize("path", ["..%2f..%2fevil.safetensors", "CON.safetensors", "a%00b.safetensors"])
def test_a_name_from_an_address_stays_in_its_folder(path: str, workspace: Workspace, server: FaultServer) -> None:
    found, _ = added(workspace, server.url("ok").rstrip("/") + "/" + path)
    assert found.path.parent == workspace.models / "Stable-diffusion"
    assert found.path.name not in ("CON.safetensors", "evil.safetensors")


def test_a_token_that_is_refused_is_left_out(
    workspace: Workspace, model: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expired one is refused for files that need none."""
    monkeypatch.setitem(models_addresses.TOKENS, "127.0.0.1", ("HF_TOKEN",))
    data = model.read_bytes()
    seen: list[str | None] = []
    address = Address(server.url("ok", "m.safetensors"), authorization="Bearer old")
    wanted = Wanted("m", workspace.models / "m.safetensors", (address,), hashlib.sha256(data).hexdigest(), len(data))

    def refusing(asked: Wanted, **more: Any) -> Iterator[Event]:
        seen.append(asked.addresses[0].authorization)
        if seen[-1]:
            raise LauncherError("download-unauthorized", t("it asks"), t("x"))
        yield from real(asked, **more)

    real = models_fetch.download
    monkeypatch.setattr(models_fetch, "download", refusing)
    events = list(fetch_one(wanted, ways(workspace), None))
    assert seen == ["Bearer old", None]
    assert [event.slug for event in events if isinstance(event, Notice)] == ["token-refused"]
    assert wanted.target.read_bytes() == data


def test_a_mirror_that_holds_the_whole_address_stays_the_first() -> None:
    official = "https://github.com/a/b/raw/v/x.pth"
    typed = "https://ghfast.top/https://github.com/a/b/blob/v/x.pth"
    found = (Address(official),)
    assert [one.url for one in typed_first(found, typed, official)] == [f"https://ghfast.top/{official}", official]


def test_two_do_not_fetch_one_address_at_once(workspace: Workspace, model: Path, server: FaultServer) -> None:
    url = server.url("rate=9000000", "m.safetensors")
    first = add_url(workspace, url, ways(workspace))
    next(event for event in first if isinstance(event, Progress))
    with pytest.raises(LauncherError, match="add-busy"):
        added(workspace, url)
    list(first)
    assert (workspace.models / "Stable-diffusion/m.safetensors").is_file()
    assert list((workspace.cache / "incoming").iterdir()) == []


def test_what_nobody_goes_on_with_is_swept_after_weeks(workspace: Workspace, model: Path, server: FaultServer) -> None:
    place = workspace.cache / "incoming"
    for name in ("old", "new"):
        (place / name).mkdir(parents=True)
        (place / name / "model").write_bytes(b"x")
    for each in (place / "old", place / "old/model"):
        os.utime(each, (1.0, 1.0))
    added(workspace, server.url("ok", "m.safetensors"))
    assert [each.name for each in place.iterdir()] == ["new"]
