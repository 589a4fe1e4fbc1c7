"""Names of samplers and schedules, as AUTOMATIC1111 1.10 lists them."""

import pytest

from runtime import catalogue
from runtime.engine.samplers import Settings, plan_course
from runtime.engine.schedules import levels_of

ORDER = (
    "DPM++ 2M, DPM++ SDE, DPM++ 2M SDE, DPM++ 2M SDE Heun, DPM++ 2S a, DPM++ 3M SDE, Euler a, Euler, LMS, Heun, DPM2, "
    "DPM2 a, DPM fast, DPM adaptive, Restart, DDIM, DDIM CFG++, PLMS, UniPC, LCM"
)


def test_the_samplers_in_their_order():
    assert ", ".join(sampler.name for sampler in catalogue.SAMPLERS) == ORDER


def test_the_schedules_in_their_order():
    names = "automatic uniform karras exponential polyexponential sgm_uniform kl_optimal align_your_steps simple normal"
    assert [scheduler.name for scheduler in catalogue.SCHEDULERS] == [*names.split(), "ddim", "beta"]


def test_every_sampler_has_an_alias_and_options_of_strings():
    for sampler in catalogue.SAMPLERS:
        assert sampler.aliases
        assert all(isinstance(value, str) for value in sampler.options.values())
    heun = catalogue.find_sampler("DPM++ 2M SDE Heun")[0]
    assert heun.options == {"scheduler": "exponential", "brownian_noise": "True", "solver_type": "heun"}
    assert catalogue.find_sampler("Euler")[0].options == {}


def test_flags_that_others_ask_for():
    having = {
        flag: ", ".join(sampler.name for sampler in catalogue.SAMPLERS if getattr(sampler, flag))
        for flag in ("second_order", "uses_ensd", "brownian", "discards_penultimate", "own_timesteps")
    }
    assert having == {
        "second_order": "DPM++ SDE, DPM++ 2S a, Heun, DPM2, DPM2 a, Restart",
        "uses_ensd": "DPM++ 2S a, Euler a, DPM2 a, DPM fast, DPM adaptive",
        "brownian": "DPM++ SDE, DPM++ 2M SDE, DPM++ 2M SDE Heun, DPM++ 3M SDE",
        "discards_penultimate": "DPM++ 3M SDE, DPM2, DPM2 a",
        "own_timesteps": "DDIM, DDIM CFG++, PLMS, UniPC",
    }


@pytest.mark.parametrize("sampler", catalogue.SAMPLERS, ids=lambda sampler: sampler.name)
@pytest.mark.parametrize("scheduler", catalogue.SCHEDULERS, ids=lambda scheduler: scheduler.label)
def test_every_pair_can_be_planned(sampler, scheduler):
    for steps in (1, 2, 25):
        course = plan_course(sampler, scheduler.label, steps, Settings(), levels_of())
        assert course.steps >= 1
        assert all(sigma >= 0 for sigma in course.sigmas)


@pytest.mark.parametrize(
    ("name", "sampler", "scheduler"),
    [
        ("Euler a", "Euler a", None),
        ("euler A", "Euler a", None),
        ("DPM++ 2M Karras", "DPM++ 2M", "Karras"),
        ("DPM++ 2M SGM Uniform", "DPM++ 2M", "SGM Uniform"),
        ("Euler Exponential", "Euler", "Exponential"),
        ("DPM++ 2M SDE Exponential", "DPM++ 2M SDE", "Exponential"),
        ("DPM++ 2M SDE Heun Karras", "DPM++ 2M SDE Heun", "Karras"),
        ("DPM2 a Karras", "DPM2 a", "Karras"),
        ("LMS Karras", "LMS", "Karras"),
        ("DDIM CFG++", "DDIM CFG++", None),
        (" DPM++  SDE   Karras ", "DPM++ SDE", "Karras"),
    ],
)
def test_samplers_by_old_and_new_names(name, sampler, scheduler):
    found = catalogue.find_sampler(name)
    assert found is not None
    assert (found[0].name, found[1]) == (sampler, scheduler)


@pytest.mark.parametrize(
    "name", ["", "k_euler", "ddim_cfgpp", "Nonsense", "Nonsense Karras", "Karras", "Euler Automatic"]
)
def test_other_names_are_no_samplers(name):
    assert catalogue.find_sampler(name) is None


@pytest.mark.parametrize("name", ["karras", "Karras", "SGMUniform", "sgm_uniform", "automatic", " beta "])
def test_schedules_by_name_label_and_alias(name):
    assert catalogue.find_scheduler(name) is not None


def test_automatic_is_the_samplers_own():
    karras = ("DPM++ 2M", "DPM++ SDE", "DPM++ 2S a", "DPM2", "DPM2 a", "Restart")
    exponential = ("DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE")
    for sampler in catalogue.SAMPLERS:
        own = "Karras" if sampler.name in karras else "Exponential" if sampler.name in exponential else "Uniform"
        assert catalogue.effective_scheduler(sampler, "Automatic") == own
        assert catalogue.effective_scheduler(sampler, "simple") == "Simple"
        assert catalogue.written_scheduler(sampler, "karras") == "Karras"
        assert catalogue.written_scheduler(sampler, "automatic") == ("Automatic" if own == "Uniform" else own)
