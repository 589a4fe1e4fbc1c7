"""xFormers that is asked for: in the choice of torch, in the plan's steps, and in what is said where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.installed import Installed
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan, make_plan
from launcher.core.pytorch.choice import choose_torch, pair
from launcher.core.serving.command_line import with_command_line

LOCK = "ab" * 32
TURING = Gpu(0, "GPU-a", "nvidia", "NVIDIA GeForce RTX 2080", 8192, 8000, "7.5")
#: its driver leaves 2.7.1+cu118, for which there is an xFormers
OLD = Machine("linux", "x86_64", "3.12.7", 16384, 50_000, driver="460.32", gpus=(TURING,))
#: 2.13.0, for which there is none
NEW = replace(OLD, driver="580.95")
VERSION, BUILD = "0.0.31.post1", "2.7.1+cu118"
ASKED = Options(runtime_flags=("--xformers",))
HERE = Installed("there", BUILD, LOCK, verified=True, python="3.12")
PAIR = f"xformers {VERSION} for {BUILD}"


def plan(options: Options = ASKED, here: Installed = Installed(), machine: Machine = OLD) -> Plan:  # noqa: B008
    made = make_plan(machine, options, here, PipSettings(), Sources((), LOCK), Path("/w"))
    return with_command_line(made, options)


def said(made: Plan) -> str:
    return " ".join(str(each.message) for each in made.findings if each.slug == "xformers-missing")


def test_it_goes_with_each_build_that_has_one_and_did_not_fail() -> None:
    unasked = choose_torch(OLD, PipSettings(), "cp312")
    assert (unasked.xformers, unasked.with_xformers) == (VERSION, False)
    asked = choose_torch(OLD, PipSettings(), "cp312", xformers=True)
    assert (asked.with_xformers, pair(asked)) == (True, PAIR)
    failed = choose_torch(OLD, PipSettings(), "cp312", xformers=True, unproven=(PAIR,))
    assert (failed.build, failed.xformers, failed.with_xformers) == (BUILD, VERSION, False)
    newest = choose_torch(NEW, PipSettings(), "cp312", xformers=True, unproven=(PAIR,))
    every = {each.build: each.with_xformers for each in (newest, *newest.others)}
    assert every == {"2.13.0+cu130": False, "2.13.0+cu126": False, "2.11.0+cu128": True}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [(ASKED, True), (Options(runtime_flags=("--force-enable-xformers",)), True), (Options(memory="xformers"), True),
     (Options(), False), (Options(memory="lowvram"), False), (Options(runtime_flags=("--opt-sdp-attention",)), False),
     (Options(memory="cpu", runtime_flags=("--xformers",)), False)],
)  # fmt: skip
def test_it_is_asked_for_by_memory_profile_or_flag(options: Options, wanted: bool) -> None:
    made = plan(options)
    assert made.torch.with_xformers is made.xformers is wanted
    assert made.to_json()["torch"]["with_xformers"] is wanted
    title = next(str(step.title) for step in made.steps if step.name == "torch")
    assert (title == f"Install PyTorch {BUILD} and xFormers {VERSION}") is wanted
    assert made.torch.tag == "cpu" or made.to_json()["torch"]["xformers"] == VERSION


@pytest.mark.parametrize(
    ("options", "version", "missing"),
    [(ASKED, None, True), (ASKED, "0.0.30", True), (ASKED, VERSION, False), (ASKED, f"{VERSION}+cu118", False),
     (Options(), VERSION, False), (Options(), None, False)],
)  # fmt: skip
def test_an_environment_without_the_one_that_is_asked_for_does_not_fit(
    options: Options, version: str | None, missing: bool
) -> None:
    made = plan(options, replace(HERE, xformers=version))
    names = [step.name for step in made.missing]
    assert names == (["environment", "torch", "packages", "verify", "switch"] if missing else [])
    assert made.xformers is (version is not None or missing)
    assert said(made) == ""


def test_a_new_environment_has_it_only_where_it_is_asked_for() -> None:
    outdated = replace(HERE, xformers=VERSION, lock_sha256="cd" * 32)
    assert plan(ASKED, outdated).xformers
    assert not plan(Options(), outdated).xformers
    assert plan(Options(), outdated).memory.attention == "sdp"


@pytest.mark.parametrize("options", [ASKED, Options(memory="xformers")])
def test_with_one_on_its_way_the_memory_is_planned_with_it(options: Options) -> None:
    made = plan(options)
    assert made.memory.attention == "xformers"
    assert "is installed" not in str(made.memory.reason)


@pytest.mark.parametrize(
    "options", [ASKED, Options(memory="xformers"), Options(runtime_flags=("--force-enable-xformers",))]
)
def test_where_there_is_none_or_it_failed_the_plan_says_which(options: Options) -> None:
    none = plan(options, machine=NEW)
    assert f"none for PyTorch {none.torch.build}" in said(none)
    failed = plan(options, replace(HERE, unproven=(PAIR,)))
    assert not failed.missing
    assert f"xFormers {VERSION} for PyTorch {BUILD} could not be installed here" in said(failed)
    assert "state/unproven.json" in said(failed)
    for made in (none, failed):
        assert (made.memory.attention, made.memory.flags, made.xformers) == ("sdp", (), False)


def test_of_another_attention_nothing_is_said() -> None:
    options = Options(runtime_flags=("--opt-split-attention", "--force-enable-xformers"))
    assert said(plan(options, machine=NEW)) == ""
