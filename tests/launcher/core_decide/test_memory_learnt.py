"""What the engine has learnt on this computer counts in the launcher's plan, and no other computer's does."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.environments.environments import installed
from launcher.core.memory.choose import MemoryChoice, MemoryWish, choose_memory
from launcher.core.memory.profiles import read_learnt
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.proposal import propose
from runtime.ledger_file import FILE, Learnt, work_of, written
from tests.launcher.core_decide.test_memory import NUMBERS, with_card

NAME = "NVIDIA GeForce RTX 3060"
#: SD 1.x at its own size, both prompts in one batch
WORK = work_of("sd1", 2 * NUMBERS.families["sd1"].unet_parameters, (512, 512), "float16")


def chosen(free: int, tmp_path: Path, name: str = NAME) -> MemoryChoice:
    return choose_memory(with_card(free, name), MemoryWish(learnt=read_learnt(tmp_path)))


def keep(folder: Path, **more: Learnt) -> None:
    (folder / FILE).write_text(written({NAME: Learnt([1.05, 1.5], {WORK: 0.25}, 4e9), **more}))


def test_activations_that_were_larger_than_traced_are_allowed_for(tmp_path: Path) -> None:
    before = chosen(8000, tmp_path)
    assert before.way is not None
    assert before.way.seconds is None
    keep(tmp_path)
    after = chosen(8000, tmp_path)
    assert after.way is not None
    # 1.1 times what is traced before, 1.5 times afterwards
    weights = sum(NUMBERS.families["sd1"].__dict__[name] for name in ("text_parameters", "unet_parameters"))
    weights = 2 * (weights + NUMBERS.vae.parameters)
    assert (after.way.peak - weights) / (before.way.peak - weights) == pytest.approx(1.5 / 1.1, rel=1e-6)
    assert "up to 50 % more than is counted" in str(after.reason)
    assert "more than is counted" not in str(before.reason)
    assert all(new.need_mib > old.need_mib for new, old in zip(after.peaks, before.peaks, strict=True))


def test_how_long_a_streamed_step_takes_is_foretold(tmp_path: Path) -> None:
    keep(tmp_path)
    told = chosen(1400, tmp_path).to_json("")["predicted"]
    assert told["streamed_mib"] > 900
    assert told["step_seconds"] == pytest.approx(told["streamed_mib"] * (1 << 20) / 4e9, rel=1e-2)
    assert told["slowdown"] == pytest.approx(told["step_seconds"] / 0.25)


def test_another_card_has_learnt_nothing(tmp_path: Path) -> None:
    plain = chosen(8000, tmp_path, "NVIDIA GeForce RTX 4090")
    keep(tmp_path)
    assert chosen(8000, tmp_path, "NVIDIA GeForce RTX 4090") == plain


def test_the_proposal_reads_it_but_not_for_a_simulated_computer(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(tmp_path)
    machine, there = with_card(8000), installed(workspace)
    here = propose(workspace, Options(), there, looked=machine).plan.memory
    elsewhere = propose(workspace, Options(), there, machine=machine).plan.memory
    assert "more than is counted" in str(here.reason)
    assert "more than is counted" not in str(elsewhere.reason)
