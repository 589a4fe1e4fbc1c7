"""A plan says of each download where it comes from, what is asked after that, and why."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from launcher.core.environments.installed import Installed
from launcher.core.hardware.machine import Machine
from launcher.core.network.mirror_choice import Circumstances, chosen
from launcher.core.network.mirror_memory import Memory
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_told import told
from launcher.core.network.mirror_verdicts import Verdict
from launcher.core.network.mirrors import Kind, read_mirrors
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.places import kinds_needed, with_places
from launcher.core.plan.plan import Plan, make_plan
from launcher.core.proposal import propose
from launcher.core.settings import MirrorSettings
from tests.launcher.core_act.workshop import MACHINE

BARE = Circumstances(read_mirrors(), MirrorSettings(), {}, Memory())


def plan(machine: Machine = MACHINE, pip: PipSettings | None = None) -> Plan:
    return make_plan(machine, Options(), Installed(), pip or PipSettings(), Sources((), "ab" * 32), Path("/w"))


def placed(made: Plan, around: Circumstances) -> Plan:
    choices = {kind: chosen(around, kind, made.torch.tag if kind == "torch" else None) for kind in kinds_needed(made)}
    return with_places(made, choices)


def test_what_has_to_be_fetched_needs_places() -> None:
    assert kinds_needed(plan()) == ("torch", "packages")
    assert kinds_needed(replace(plan(), downloads=())) == ()
    foreign = plan(replace(MACHINE, python="3.99.0"))
    assert kinds_needed(foreign) == ("python", "torch", "packages")
    here = replace(plan(), torch=replace(plan().torch, wheel="/wheels/torch.whl"))
    assert kinds_needed(here) == ("packages",)
    mac = replace(plan(), torch=replace(plan().torch, index=None))
    assert kinds_needed(mac) == ("packages",), "torch comes as any package there"


def test_the_fastest_is_named_with_the_others_and_the_reason() -> None:
    verdicts = (Verdict("nju", "nju", "ok", 9e6), Verdict("official", "official", "ok", 1e5))
    memory = Memory((Measurement("torch:cpu", "torch 2.13.0+cpu", 1.9e9, verdicts),))
    made = placed(plan(), replace(BARE, memory=memory))
    torch, packages = made.to_json()["downloads"]
    assert torch["source"] == "https://mirror.nju.edu.cn/pytorch/whl/cpu"
    assert torch["others"][0] == "official"
    assert "9.0 MB/s" in torch["reason"]
    assert packages["source"] == plan().to_json()["downloads"][1]["source"], "official: nothing is overridden"
    assert set(packages) >= {"name", "bytes", "source", "others", "reason"}


def test_the_users_own_index_stays_what_it_is_and_hides_its_password() -> None:
    pip = PipSettings("https://u:secret@own.example/simple")
    said: dict[Kind, object] = {"packages": told("packages", {}, pip)}
    made = placed(plan(pip=pip), replace(BARE, told=said))  # type: ignore[arg-type]
    found = made.to_json()["downloads"][1]
    assert found["source"] == "https://***@own.example/simple"
    assert found["others"] == []
    assert "own.example" in found["reason"]
    assert "secret" not in str(made.to_json())


def test_a_setting_that_nobody_knows_is_named_in_the_plan(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('colour = 1\n[mirrors]\nnpm = "x"\n')
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    plan = propose(Workspace(tmp_path), Options(), Installed(), environ, machine=None).plan
    found = next(finding for finding in plan.findings if finding.slug == "unknown-setting")
    assert found.severity == "warning"
    assert "colour, mirrors.npm" in str(found.message)
