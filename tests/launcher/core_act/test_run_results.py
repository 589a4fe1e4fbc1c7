"""How a start went is written down for its profile: told by the fake engine, a real process."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.network.network_addresses import in_order, local_urls
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.running import read_running
from launcher.core.serving.launch import launch, stop
from launcher.core.serving.results import RECORD, RunResult, read_results
from launcher.core.text import t
from tests.launcher.core_act.workshop import plan_with, with_fake_engine

PLAN = plan_with(TorchChoice("2.13.0", "cpu", "here", t("The processor was asked for."), build="2.13.0"), state="done")


@pytest.fixture
def engine(workspace: Workspace) -> Workspace:
    with_fake_engine(workspace)
    return workspace


def start(workspace: Workspace, *flags: str, profile: str = "local", listen: bool = False) -> list[Event]:
    options = Options(profile=profile, runtime_flags=flags, detach=True, listen=listen)
    return list(launch(workspace, options, PLAN))


def test_a_start_that_went_well(engine: Workspace) -> None:
    start(engine, "--fake=card", "--api-auth", "bot:geheim")
    result = read_results(engine)["local"]
    running = read_running(engine)
    assert running is not None
    assert result.started == running.since
    assert result.seconds is not None
    assert result.model_seconds is not None
    assert 0 < result.seconds < 30
    assert (result.peak_vram_mib, result.out_of_memory, result.failed) == (3900, False, None)
    assert "--fake=card" in result.command
    assert "geheim" not in (engine.state / RECORD).read_text(encoding="utf-8")


def test_each_profile_keeps_its_last_and_the_peak_outlives_the_file_of_events(engine: Workspace) -> None:
    start(engine, "--fake=card")
    stop(engine)
    start(engine, profile="lan")
    found = read_results(engine)
    assert (found["local"].peak_vram_mib, found["lan"].peak_vram_mib) == (3900, None)
    stop(engine)
    start(engine)
    assert read_results(engine)["local"].peak_vram_mib is None


def test_a_start_that_failed_says_why(engine: Workspace) -> None:
    with pytest.raises(LauncherError, match="runtime-died"):
        start(engine, "--fake=die")
    result = read_results(engine)["local"]
    assert (result.seconds, result.failed) == (None, "runtime-died")
    assert "no torch here" in str(result.why)


def test_too_little_memory_is_told_and_remembered(engine: Workspace) -> None:
    seen: list[Event] = []
    with pytest.raises(LauncherError, match="out-of-memory"):
        seen.extend(start(engine, "--fake=short"))
    result = read_results(engine)["local"]
    assert (result.out_of_memory, result.failed) == (True, "out-of-memory")


def test_the_command_is_told_without_secrets(engine: Workspace) -> None:
    told = [e for e in start(engine, "--api-auth", "bot:geheim") if isinstance(e, Notice) and e.slug == "command"]
    assert "-m runtime --data-dir" in str(told[0].text)
    assert "--api-auth" in str(told[0].text)
    assert "geheim" not in str(told[0].text)


def test_other_computers_are_told_where_it_is(engine: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.core.network.network_addresses._adapters", lambda: {"eth0": ["192.168.1.7"]})
    told = [e for e in start(engine, listen=True) if isinstance(e, Notice) and e.slug == "network-address"]
    assert ["http://192.168.1.7:" in str(each.text) for each in told] == [True]
    stop(engine)
    assert not [e for e in start(engine) if isinstance(e, Notice) and e.slug == "network-address"]


@pytest.mark.parametrize("wrong", [3, [], {"seconds": 1}, {"started": 1}, {"started": "x", "seconds": "fast"},
                                   {"started": "x", "command": "x"}])  # fmt: skip
def test_a_record_of_another_kind_is_none(workspace: Workspace, wrong: object) -> None:
    workspace.state.mkdir(parents=True)
    good = {"started": "now", "more": "of a later version"}
    (workspace.state / RECORD).write_text(json.dumps({"local": wrong, "lan": good}))
    assert read_results(workspace) == {"lan": RunResult("now")}
    (workspace.state / RECORD).write_text("no json")
    assert read_results(workspace) == {}


def test_addresses_of_real_adapters_come_first_and_only_private_ones() -> None:
    adapters = {
        "lo": ["127.0.0.1"], "docker0": ["172.17.0.1"], "eth0": ["192.168.1.7", "169.254.3.4"], "wlan0": ["10.0.0.5"],
        "ppp0": ["8.8.8.8"], "vEthernet (WSL)": ["172.20.0.1"],
    }  # fmt: skip
    assert in_order(adapters, "10.0.0.5") == ("10.0.0.5", "192.168.1.7")
    assert in_order({"docker0": ["172.17.0.1"]}, None) == ("172.17.0.1",)
    assert in_order({}, "10.0.0.5") == ()


def test_an_address_keeps_its_port_and_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.core.network.network_addresses._adapters", lambda: {"以太网": ["192.168.1.7"]})
    assert local_urls("http://0.0.0.0:7860/sd") == ("http://192.168.1.7:7860/sd",)
    assert local_urls("https://0.0.0.0") == ("https://192.168.1.7",)


def test_a_result_can_be_read_as_it_was_written(workspace: Workspace) -> None:
    from launcher.core.serving.results import keep_result

    result = RunResult("now", 1.5, 2.5, 100, True, "x", "y", ("a", "b"))
    keep_result(workspace, "我的", result)
    keep_result(workspace, "lan", replace(result, seconds=None))
    assert read_results(workspace)["我的"] == result
