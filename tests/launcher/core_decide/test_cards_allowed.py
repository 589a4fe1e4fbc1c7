"""Which of several cards draws: what the user's own variables leave, and what is free on each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.installed import Installed
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan, make_plan
from launcher.core.serving.command_line import command_line

NEW = Gpu(0, "GPU-new", "nvidia", "RTX 5090", 32607, 30200, "12.0")
OLD = Gpu(1, "GPU-old", "nvidia", "GTX 1080 Ti", 11264, 11000, "6.1")
RADEONS = tuple(
    Gpu(place, f"GPU-{place}{place}", "amd", "RX 7900 XTX", 24560, 24000, gfx="gfx1100") for place in (0, 1)
)
RIG = Machine("linux", "x86_64", "3.12.1", 32000, 200_000, "580.95", (NEW, OLD))


def plan(machine: Machine = RIG, gpu: str | None = None, **variables: str) -> Plan:
    options = Options(gpu=gpu, variables=tuple(variables.items()))
    return make_plan(machine, options, Installed(), PipSettings(), Sources((), "ab" * 32), Path("/w"))


def said(made: Plan, slug: str) -> str:
    return " / ".join(str(each.message) for each in made.findings if each.slug == slug)


@pytest.mark.parametrize("value", ["1", "GPU-old", "gpu-ol", "1,7,0", "1,nonsense"])
def test_the_card_that_a_variable_leaves_is_planned_for(value: str) -> None:
    made = plan(CUDA_VISIBLE_DEVICES=value)
    assert (made.torch.card, made.torch.tag) == (OLD, "cu126")
    options = Options(variables=(("CUDA_VISIBLE_DEVICES", value),))
    line = command_line(Workspace(Path("/w")), Path("/p"), options, made)
    assert line.variables["CUDA_VISIBLE_DEVICES"] == "GPU-old"


def test_of_several_that_are_left_the_best_draws_and_what_hides_none_is_not_said() -> None:
    made = plan(CUDA_VISIBLE_DEVICES="1,0")
    assert made.torch.card == NEW
    assert said(made, "card-variable") == ""
    assert "GTX 1080 Ti" in said(plan(CUDA_VISIBLE_DEVICES="1"), "card-variable")


def test_cuda_counts_from_the_fastest_unless_told_otherwise() -> None:
    turned = replace(RIG, gpus=(replace(OLD, index=0), replace(NEW, index=1)))
    assert plan(turned, CUDA_VISIBLE_DEVICES="0").torch.card == turned.gpus[1]
    by_slot = plan(turned, CUDA_VISIBLE_DEVICES="0", CUDA_DEVICE_ORDER="PCI_BUS_ID")
    assert by_slot.torch.card == turned.gpus[0]


def test_hidden_cards_do_not_draw_and_that_is_said() -> None:
    made = plan(CUDA_VISIBLE_DEVICES="-1")
    assert (made.torch.tag, made.memory.mode) == ("cpu", "cpu")
    assert "hides RTX 5090" in said(made, "card-variable")


def test_what_names_no_card_is_not_followed_and_what_is_taken_away_does_not_count() -> None:
    made = plan(CUDA_VISIBLE_DEVICES="7")
    assert made.torch.card == NEW
    assert "not followed" in said(made, "card-variable")
    assert said(plan(CUDA_VISIBLE_DEVICES=""), "card-variable") == ""


def test_a_card_that_was_asked_for_is_taken_whatever_a_variable_says() -> None:
    assert plan(gpu="0", CUDA_VISIBLE_DEVICES="1").torch.card == NEW


def test_each_makers_variable_is_about_its_own_cards() -> None:
    machine = replace(RIG, driver=None, gpus=RADEONS)
    for name in ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        made = plan(machine, **{name: "1"})
        assert made.torch.card == RADEONS[1], name
        options = Options(variables=((name, "1"),))
        line = command_line(Workspace(Path("/w")), Path("/p"), options, made)
        assert line.variables["ROCR_VISIBLE_DEVICES"] == "GPU-11"
        assert line.variables.get("HIP_VISIBLE_DEVICES", "") == line.variables.get("CUDA_VISIBLE_DEVICES", "") == ""
    mixed = replace(RIG, gpus=(NEW, *(replace(card, index=(card.index or 0) + 1) for card in RADEONS)))
    assert plan(mixed, HIP_VISIBLE_DEVICES="1").torch.card == NEW
    assert said(plan(mixed, CUDA_VISIBLE_DEVICES="0"), "card-variable") == ""


def test_the_code_that_an_amd_card_is_told_to_be_driven_with_counts() -> None:
    machine = replace(RIG, driver=None, gpus=(Gpu(0, None, "amd", "RX 6700 XT", 12272, 12000, gfx="gfx1031"),))
    assert plan(machine).torch.tag == "cpu"
    made = plan(machine, HSA_OVERRIDE_GFX_VERSION="10.3.0")
    assert made.torch.card is not None
    assert (made.torch.tag or "").startswith("rocm")
    assert "gfx1030" in said(made, "gfx-overridden")
    assert plan(machine, HSA_OVERRIDE_GFX_VERSION="nonsense").torch.tag == "cpu"


def test_an_idle_card_goes_before_its_twin_that_is_full() -> None:
    twins = tuple(Gpu(place, f"GPU-{place}", "nvidia", "RTX 3090", 24576, free, "8.6")
                  for place, free in enumerate((300, 24200)))  # fmt: skip
    made = plan(replace(RIG, gpus=twins))
    assert (made.torch.card, made.memory.mode) == (twins[1], "full")
    assert "more of its memory is free" in said(made, "card-roomier")
    slightly = (replace(twins[0], vram_free_mib=24000), twins[1])
    assert plan(replace(RIG, gpus=slightly)).torch.card == slightly[0]


def test_what_fits_goes_before_the_maker() -> None:
    small = Gpu(0, "GPU-s", "nvidia", "GT 1030", 2048, 1900, "6.1")
    made = plan(replace(RIG, gpus=(small, replace(RADEONS[1], index=1))))
    assert (made.torch.card and made.torch.card.name) == "RX 7900 XTX"
    assert "draws instead of GT 1030" in said(made, "card-roomier")
    assert plan(replace(RIG, gpus=(small, replace(RADEONS[1], index=1))), gpu="0").torch.card == small
