"""File names: every pattern, and no name that a file system or another folder would mind."""

import hashlib
from dataclasses import replace
from datetime import datetime

import pytest
from PIL import Image

from runtime.engine.filenames import JobFacts, Naming, Subject, expand, file_stem, folder_path
from runtime.job_options import JobOptions
from runtime.request import Hires, Request, Start

IMAGE = Image.new("RGB", (512, 768), "red")
REQUEST = Request(
    prompt="a red cat, on: a mat",
    negative_prompt="blurry",
    styles=("None", "Ink", "Old"),
    unstyled_prompt="a red cat",
    sampler_name="DPM++ 2M",
    scheduler="Karras",
    steps=25,
    cfg_scale=7.0,
    batch_size=2,
    n_iter=2,
    hires=Hires(denoising_strength=0.4),
    user="mei",
    options=JobOptions(CLIP_stop_at_last_layers=2),
)
FACTS = JobFacts(
    REQUEST,
    seeds=(11, 12, 13, 14),
    model_name="v1-5",
    model_hash="6ce0161689",
    vae_name="soft.safetensors",
    began=datetime(2026, 1, 2, 3, 4, 5),
    basename="photo",
)


def named(pattern, facts=FACTS, index=2, naming=None):
    return expand(pattern, Subject(facts, IMAGE, index), naming or Naming())


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("[seed]", "13"),
        ("[seed_first]-[seed_last]", "11-14"),
        ("[steps] [cfg] [width] [height]", "25 7.0 512 768"),
        ("[styles]", "Ink, Old"),
        ("[sampler]_[scheduler]", "DPM++ 2M_Karras"),
        ("[sampler_scheduler]", "DPM++ 2M Karras"),
        ("[model_hash]-[model_name]", "6ce0161689-v1-5"),
        ("[date]", "2026-01-02"),
        ("[datetime]", "20260102030405"),
        ("[datetime<%H_%M>]", "03_04"),
        ("[datetime<%H:%M>]", "03_04"),
        ("[datetime<>]", "20260102030405"),
        ("[job_timestamp]", "20260102030405"),
        ("[prompt]", "a_red_cat,_on__a_mat"),
        ("[prompt_spaces]", "a red cat, on_ a mat"),
        ("[prompt_no_styles]", "a red cat"),
        ("[prompt_words]", "a red cat on a mat"),
        ("[prompt_hash]", hashlib.sha256(b"a red cat, on: a mat").hexdigest()[:8]),
        ("[prompt_hash<4>]", hashlib.sha256(b"a red cat, on: a mat").hexdigest()[:4]),
        ("[negative_prompt_hash<5>]", hashlib.sha256(b"blurry").hexdigest()[:5]),
        ("[full_prompt_hash]", hashlib.sha256(b"a red cat, on: a mat blurry").hexdigest()[:8]),
        ("[image_hash<6>]", hashlib.sha256(IMAGE.tobytes()).hexdigest()[:6]),
        ("[batch_number] of [batch_size], [generation_number]", "1 of 2, 3"),
        ("[hasprompt<CAT><dog><moon|sun>]", "CATsun"),
        ("[clip_skip]", "2"),
        ("[denoising]", "0.4"),
        ("[user]", "mei"),
        ("[vae_filename]", "soft.safetensors"),
        ("x[none]y", "xy"),
        ("[basename]", "photo"),
        ("[unknown]-[seed]-[also<1>]", "[unknown]-13-[also<1>]"),
        ("plain", "plain"),
    ],
)
def test_every_pattern(pattern, name):
    assert named(pattern) == name


def test_a_time_zone_moves_the_clock_and_an_unknown_one_does_not():
    noon = replace(FACTS, began=datetime.fromisoformat("2026-01-02T12:00:00+00:00"))
    assert named("[datetime<%H><Asia/Shanghai>]", noon) == "20"
    assert named("[datetime<%H><Moon/Crater>]", noon) == "12"


def test_what_a_single_picture_has_not_goes_with_the_text_before_it():
    alone = replace(FACTS, request=replace(REQUEST, batch_size=1, n_iter=1, hires=None), seeds=(11,))
    assert named("[seed]-[batch_number]-[generation_number]-[denoising].", alone, 0) == "11."
    redrawn = replace(alone, request=replace(alone.request, start=Start((b"",), 0.6)))
    assert named("[seed]-[denoising]", redrawn, 0) == "11-0.6"


@pytest.mark.parametrize("naming", [Naming(), Naming(unix=True)])
def test_forbidden_letters(naming):
    facts = replace(FACTS, request=replace(REQUEST, prompt='#a<b>c:d"e/f\\g|h?i*j\nk\t. '))
    wanted = "_a_b_c_d_e_f_g_h_i_j_k_" if not naming.unix else '#a<b>c:d"e_f\\g|h?i*j\nk\t'
    assert named("[prompt_spaces]", facts, naming=naming) == wanted


def test_each_part_has_its_longest():
    facts = replace(FACTS, request=replace(REQUEST, prompt="猫" * 500))
    assert named("[prompt]", facts) == "猫" * 128
    assert named("[prompt]-[seed]", facts, naming=Naming(longest=10)) == "猫" * 10 + "-13"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CON", "CON_"),
        ("con.txt", "con_.txt"),
        ("LPT1", "LPT1_"),
        ("contact", "contact"),
        ("name. .", "name"),
        ("..", ""),
        ("a/../b", "a_.._b"),
        ("a\x00b", "a_b"),
    ],
)
def test_names_that_windows_refuses_are_mended(text, name):
    assert file_stem(text, Naming()) == name


def test_a_whole_name_fits_in_255_bytes():
    assert len(file_stem("猫" * 400, Naming(longest=1000)).encode()) <= 255 - len(".png.tmp")


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("2026-01-02", "2026-01-02"),
        ("a/b\\c", "a/b/c"),
        ("../../etc", "etc"),
        ("/etc", "etc"),
        ("C:\\Windows", "C_/Windows"),
        ("nul/x.", "nul_/x"),
        ("..", "."),
    ],
)
def test_a_folder_never_leads_upwards(pattern, folder):
    assert folder_path(pattern, Naming()).as_posix() == folder
