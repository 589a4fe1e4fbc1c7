"""What is there already, in whichever environment, is not done again; what the user went to by hand stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.installed import Installed
from launcher.core.hardware.look import Gpu, Machine
from launcher.core.packages.own_python import OwnPython
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan, make_plan

LOCK, OLDER = "ab" * 32, "cd" * 32
CARD = Gpu(0, "GPU-a", "nvidia", "RTX 4090", 24564, 24000, "8.9")
RIG = Machine("linux", "x86_64", "3.12.1", 16384, 50_000, "580.95", (CARD,))
PROCESSOR = Installed("cpu-1", "2.13.0+cpu", LOCK, proven=True, python="3.12", tag="cpu", source="there")
CARDS = Installed("card-1", "2.13.0+cu130", LOCK, proven=True, python="3.12", tag="cu130", source="there")


def plan(installed: Installed, options: Options | None = None, own: OwnPython | None = None) -> Plan:
    return make_plan(RIG, options or Options(), installed, PipSettings(), Sources((), LOCK), Path("/w"), own)


def current(first: Installed, *others: Installed, wished: bool = False) -> Installed:
    return replace(first, verified=True, wished=wished, others=others)


def missing(made: Plan) -> list[str]:
    return [step.name for step in made.missing]


def test_an_environment_that_holds_it_all_is_only_put_to_use() -> None:
    made = plan(current(PROCESSOR, CARDS))
    assert missing(made) == ["switch"]
    assert (made.downloads, made.disk_needed_mib, made.environment, made.kept) == ((), 0, "card-1", False)
    full = make_plan(replace(RIG, disk_free_mib=1), Options(), current(PROCESSOR, CARDS), PipSettings(),
                     Sources((), LOCK), Path("/w"))  # fmt: skip
    assert "disk-low" not in {each.slug for each in full.findings}


def test_none_of_them_is_taken_for_another_lock_or_python() -> None:
    older = replace(CARDS, lock_sha256=OLDER)
    assert len(missing(plan(current(PROCESSOR, older)))) == 5
    theirs = replace(CARDS, interpreter="/theirs/bin/python")
    assert len(missing(plan(current(PROCESSOR, theirs)))) == 5
    own = OwnPython("3.12", "/theirs/bin/python", itself=True)
    assert missing(plan(current(PROCESSOR, theirs), own=own)) == ["switch"]


def test_a_python_of_the_users_that_is_no_longer_named_is_no_longer_used() -> None:
    theirs = replace(CARDS, interpreter="/theirs/bin/python")
    assert missing(plan(current(theirs), own=OwnPython("3.12", "/theirs/bin/python", itself=True))) == []
    assert len(missing(plan(current(theirs)))) == 5


@pytest.mark.parametrize("here", [PROCESSOR, replace(CARDS, lock_sha256=OLDER)])
def test_what_the_user_went_to_by_hand_stays_and_that_is_said(here: Installed) -> None:
    made = plan(current(here, CARDS, wished=True))
    assert missing(made) == []
    assert (made.kept, made.environment, made.torch.build, made.downloads) == (True, here.environment, here.torch, ())
    (said,) = (str(each.message) for each in made.findings if each.slug == "environment-kept")
    assert here.environment is not None
    assert here.environment in said
    assert "`gesso install`" in said
    assert "2.13.0+cu130" in said
    assert (made.memory.mode == "cpu") is (here.tag == "cpu")


def test_by_hand_to_what_gesso_would_take_itself_is_no_news() -> None:
    made = plan(current(CARDS, PROCESSOR, wished=True))
    assert (missing(made), made.kept) == ([], False)
    assert "environment-kept" not in {each.slug for each in made.findings}


def test_a_card_that_no_torch_serves_any_more_is_still_said_of_what_was_kept() -> None:
    old = replace(RIG, driver="470.256", gpus=(replace(CARD, name="GTX 770", compute_capability="3.0"),))
    made = make_plan(old, Options(), current(PROCESSOR, wished=True), PipSettings(), Sources((), LOCK), Path("/w"))
    assert (made.torch.build, made.kept) == ("2.13.0+cpu", True)
    assert {each.slug: each.severity for each in made.findings}["gpu-too-old"] == "warning"


def test_what_is_proven_here_is_not_avoided_for_a_failure_of_another_day() -> None:
    failed = ("2.13.0+cu130",)
    assert missing(plan(replace(current(CARDS), unproven=failed))) == []
    assert missing(plan(replace(current(PROCESSOR, CARDS), unproven=failed))) == ["switch"]
    assert plan(replace(current(PROCESSOR), unproven=failed)).torch.build != "2.13.0+cu130"
