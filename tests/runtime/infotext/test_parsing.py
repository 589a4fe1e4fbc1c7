"""Texts as AUTOMATIC1111 of several years, Forge and SD.Next write them, and what may be made of any text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.infotext import DEFAULTS, parameters, parse_infotext, to_fields, with_defaults, write_infotext
from runtime.infotext.fields import hashes_of, with_local_names

V1_10 = """masterpiece, <lora:ink:0.8> a cat
sitting (on:1.2) a mat
Negative prompt: blurry,
bad hands
Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 1234567890, Size: 512x768, \
Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, VAE hash: 735e4c3a44, \
VAE: vae-ft-mse-840000-ema-pruned.safetensors, \
Denoising strength: 0.45, Clip skip: 2, RNG: NV, Hires upscale: 1.5, Hires steps: 12, Hires upscaler: R-ESRGAN 4x+, \
Lora hashes: "ink: 0123456789ab, other: ba9876543210", TI hashes: "easy: 0011aabbccdd", Eta: 0.5, NGMS: 2.5, \
Refiner: sd_xl_refiner_1.0 [7440042bbd], Refiner switch at: 0.8, Version: v1.10.1"""

Y2022 = """a castle, oil on canvas
Negative prompt: fog
Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 42, Face restoration: CodeFormer, Size: 1024x768, \
Model hash: 7460a6fa, Batch size: 2, Batch pos: 0, Hypernet: anime, Hypernet strength: 0.6, \
Denoising strength: 0.7, First pass size: 0x0, Eta: 0.31"""

FORGE = """a fox
Steps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 5, Size: 896x1152, \
Model hash: bea01d51bd, Model: model, Beta schedule alpha: 0.6, Version: f2.0.1v1.10.1-previous-659-gc055f2d4, \
Diffusion in Low Bits: Automatic (fp16 LoRA), Module 1: ae, Module 2: clip_l"""

SD_NEXT = """a boat
Negative prompt: sketch
Steps: 30, Size: 1024x1024, Sampler: DPM++ 2M, Seed: 77, CFG scale: 6, Model: juggernaut, Model hash: 33e58e8668, \
Parser: native, App: SD.Next, Version: 5df1ea2, Pipeline: StableDiffusionXLPipeline, Operations: txt2img, \
VAE: Automatic, Comment: "what: ever, it is\""""


def test_a_text_of_today() -> None:
    found = parse_infotext(V1_10)
    assert found["Prompt"] == "masterpiece, <lora:ink:0.8> a cat\nsitting (on:1.2) a mat"
    assert found["Negative prompt"] == "blurry,\nbad hands"
    assert (found["Size-1"], found["Size-2"]) == ("512", "768")
    assert (found["Sampler"], found["Schedule type"]) == ("DPM++ 2M", "Automatic"), "Karras is this sampler's own"
    assert found["Lora hashes"] == "ink: 0123456789ab, other: ba9876543210"
    pasted = to_fields(found)
    assert (pasted.fields["steps"], pasted.fields["cfg_scale"], pasted.fields["seed"]) == ("25", "6.5", "1234567890")
    assert (pasted.fields["enable_hr"], pasted.fields["hr_scale"], pasted.fields["hr_upscaler"]) == (
        "True", "1.5", "R-ESRGAN 4x+",
    )  # fmt: skip
    assert pasted.fields["refiner_checkpoint"] == "sd_xl_refiner_1.0 [7440042bbd]"
    assert pasted.options["CLIP_stop_at_last_layers"] == "2"
    assert pasted.options["sd_model_checkpoint"] == "6ce0161689"
    assert (pasted.options["randn_source"], pasted.options["s_min_uncond"]) == ("NV", "2.5")
    assert "use_old_scheduling" not in pasted.options


def test_a_text_of_2022() -> None:
    found = parse_infotext(Y2022)
    assert (found["Sampler"], found["Schedule type"]) == ("DPM++ 2M", "Automatic")
    assert found["Prompt"] == "a castle, oil on canvas<hypernet:anime:0.6>"
    # about 512 x 512 in multiples of 64, of the same shape; the size of then is the size after hires fix
    assert (found["Size-1"], found["Size-2"]) == ("640", "448")
    assert (found["Hires resize-1"], found["Hires resize-2"]) == ("1024", "768")
    assert to_fields(found).fields["enable_hr"] == "True"
    assert to_fields(found).fields["restore_faces"] == "True"


@pytest.mark.parametrize("digits", [7, 400, 5000])
def test_a_first_pass_of_a_size_that_is_none(digits: int) -> None:
    side = "9" * digits
    found = parse_infotext(f"x\nSteps: 20, Sampler: Euler, First pass size: 0x0, Size: {side}x{side}")
    assert (found["Size-1"], found.get("Hires resize-1")) == (side, None)


@pytest.mark.parametrize(
    ("written", "sampler", "schedule"),
    [
        ("Sampler: Euler a", "Euler a", None),
        ("Sampler: Euler Karras", "Euler", "Karras"),
        ("Sampler: DPM++ 2M SDE Exponential", "DPM++ 2M SDE", "Automatic"),
        ("Sampler: DPM++ 2M SDE Karras", "DPM++ 2M SDE", "Karras"),
        ("Sampler: DPM++ 2M, Schedule type: Exponential", "DPM++ 2M", "Exponential"),
        ("Sampler: Restart, Schedule type: Automatic", "Restart", "Automatic"),
        ("Sampler: of another program", "of another program", None),
    ],
)
def test_sampler_and_schedule(written: str, sampler: str, schedule: str | None) -> None:
    found = parse_infotext(f"x\nSteps: 1, {written}, Seed: 1, CFG scale: 1")
    assert (found["Sampler"], found.get("Schedule type")) == (sampler, schedule)


def test_texts_of_forge_and_sd_next() -> None:
    forge, other = parse_infotext(FORGE), parse_infotext(SD_NEXT)
    assert (forge["Prompt"], forge["Schedule type"], forge["Size-2"]) == ("a fox", "Simple", "1152")
    assert to_fields(forge).options.get("use_downcasted_alpha_bar") is None, "its version is no old AUTOMATIC1111"
    assert (other["Prompt"], other["Negative prompt"], other["Seed"]) == ("a boat", "sketch", "77")
    assert other["Comment"] == "what: ever, it is"


@pytest.mark.parametrize(
    ("version", "old"),
    [("v1.5.2", {"use_old_scheduling", "use_downcasted_alpha_bar"}), ("v1.6.0", {"use_downcasted_alpha_bar"}),
     ("v1.6.0-400-gabcdef12", {"use_downcasted_alpha_bar"}), ("v1.7.0-225-g1234567", set()), ("v1.10.1", set()),
     ("v" + "9" * 5000 + ".0.1", set()), ("gesso-0.1.0", set()), ("f2.0.1v1.10.1", set()), ("", set())],
)  # fmt: skip
def test_an_old_version_turns_on_what_it_drew_with(version: str, old: set[str]) -> None:
    names = {"use_old_scheduling", "use_downcasted_alpha_bar"}
    assert names & to_fields({"Version": version}).options.keys() == old


def test_a_last_line_with_fewer_than_three_items_is_prompt() -> None:
    assert parse_infotext("a cat\nSteps: 20, Seed: 1") == {"Prompt": "a cat\nSteps: 20, Seed: 1", "Negative prompt": ""}
    assert parse_infotext("") == {"Prompt": "", "Negative prompt": ""}
    assert parse_infotext("Steps: 20, Seed: 1, CFG scale: 2")["Prompt"] == ""


def test_defaults_are_there_for_who_asks() -> None:
    found = with_defaults(parse_infotext("a (cat)\nSteps: 20, Seed: 1, Clip skip: 3"))
    assert (found["Clip skip"], found["Hires sampler"], found["Emphasis"]) == ("3", "Use same sampler", "Original")
    assert "Emphasis" not in with_defaults(parse_infotext("a cat"))
    assert set(with_defaults({})) >= DEFAULTS.keys() - {"Emphasis"}


def test_the_api_answers_defaults_in_their_own_types() -> None:
    found = parameters(parse_infotext("a cat\nSteps: 20, Seed: 1, Masked area padding: 16"))
    assert (found["Steps"], found["Masked area padding"], found["Clip skip"]) == ("20", "16", "1")
    zeros = ("Hires resize-1", "Hires resize-2", "Schedule max sigma", "Schedule min sigma", "Schedule rho")
    assert [(type(found[key]), found[key]) for key in zeros] == [(int, 0)] * 5
    assert found["Refiner switch by sampling steps"] is False
    assert type(parameters({})["Masked area padding"]) is int
    assert all(isinstance(value, str) for value in with_defaults({}).values())


def test_masks() -> None:
    fields = to_fields(
        parse_infotext(
            "x\nSteps: 1, Seed: 1, Mask mode: Inpaint not masked, Masked content: latent noise, "
            "Inpaint area: Only masked, Masked area padding: 16, Mask blur: 8"
        )
    ).fields
    assert (fields["inpainting_mask_invert"], fields["inpainting_fill"]) == ("1", "2")
    assert (fields["inpaint_full_res"], fields["inpaint_full_res_padding"], fields["mask_blur"]) == ("True", "16", "8")


def test_loras_are_named_as_they_are_here() -> None:
    hashes = hashes_of("ink: 0123456789ab, other: ba9876543210")
    here = {"0123456789ab": "my-ink"}.get
    prompt = with_local_names("<lora:ink:0.8> and <lora:other:1> and <lora:third:1>", hashes, here)
    assert prompt == "<lora:my-ink:0.8> and <lora:other:1> and <lora:third:1>"


def test_what_is_written_is_read() -> None:
    items = {"Steps": 20, "Sampler": "Euler a", "Seed": 5, "Odd": 'a "quoted", thing: \\ 猫', "Size": "64x72"}
    found = parse_infotext(write_infotext("a cat\nand more", "dog", items))
    assert (found["Prompt"], found["Negative prompt"], found["Odd"]) == ("a cat\nand more", "dog", items["Odd"])


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    to_fields(with_defaults(parse_infotext(text)))


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60).filter(lambda text: text.strip()))
def test_any_value_survives(value: str) -> None:
    found = parse_infotext(write_infotext("p", "", {"Steps": 1, "Seed": 2, "CFG scale": 3, "Odd": f"x,{value}"}))
    assert found["Odd"] == f"x,{value}"


@pytest.mark.parametrize("text", ["a" * 500_000, "a b" * 200_000, 'a: "' * 100_000, "aa: b, " * 60_000, "\n" * 300_000])
def test_long_texts_take_linear_time(text: str) -> None:
    began = time.process_time()
    parse_infotext(text)
    assert time.process_time() - began < 2
