"""What a user types for an axis, a matrix or a list of prompts."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.engine.scripts import values
from runtime.engine.scripts.axes import ACTIONS, fill
from runtime.engine.scripts.loopback import denoising_at
from runtime.engine.scripts.matrix import legend
from runtime.engine.scripts.prompts import parse_line
from runtime.request import Hires, Request, RequestError, Start
from runtime.script_table import AXES, find_axis

REQUEST = Request(prompt="a cat on a mat", negative_prompt="a dog", seed=5, hires=Hires())


def filled(label, typed="", listed=None, **more):
    return fill(find_axis(label, img2img=more.pop("img2img", False)), typed, listed, more.pop("keep_random", False))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1, 2,3", [1, 2, 3]),
        ("1-5", [1, 2, 3, 4, 5]),
        ("1-5 (+2)", [1, 3, 5]),
        ("10-5 (-3)", [10, 7]),
        ("5-3", [5, 4, 3]),
        ("1-10 [5]", [1, 3, 5, 7, 10]),
        ("-3", [-3]),
        ("-2-1", [-2, -1, 0, 1]),
        ("3-3", [3]),
        ("7, 1-3", [7, 1, 2, 3]),
        ("4294967295", [4294967295]),
        ("9007199254740993", [9007199254740993]),
        ("1-9 [1]", [1]),
        ("20.0", [20]),
    ],
)
def test_whole_numbers(text, found):
    assert values.whole_numbers("Steps", values.split_values(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1, 2.5", [1, 2.5]),
        ("0-1 (+0.25)", [0, 0.25, 0.5, 0.75, 1]),
        ("0.1-0.3 (+0.1)", [0.1, 0.2, 0.3]),
        ("0-1 [3]", [0, 0.5, 1]),
        ("1-0 (-0.5)", [1, 0.5, 0]),
        (".5", [0.5]),
    ],
)
def test_fractions(text, found):
    assert values.numbers("CFG Scale", values.split_values(text)) == pytest.approx(found)


@pytest.mark.parametrize(
    "text",
    ["x", "1-5 (-1)", "1-5 (0)", "1-", "1-5 [0]", "1-100000 (+1)", "nan", "inf", "2.5", "1-" + "9" * 400,
     "1-" + "9" * 400 + ".0 [5]", "1-" + "9" * 400 + " [5]", "1-5 [" + "9" * 400 + "]", "9" * 5000, "9" * 200_000],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_is_no_number_is_refused(text):
    with pytest.raises(RequestError) as refused:
        values.whole_numbers("Steps", [text])
    assert refused.value.code == "axis-value"
    assert "Steps" in refused.value.message
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("text", ["9" * 5000 + "x64", "64x" + "9" * 400, "5", "5x"], ids=lambda text: text[:20])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(RequestError) as refused:
        values.sizes("Size", [text])
    assert refused.value.code == "axis-value"


def test_quotation_marks_hold_commas():
    assert values.split_values('a cat, "a dog, brown", , "x ""y"""') == ["a cat", "a dog, brown", 'x "y"']


@settings(max_examples=300, deadline=1000)
@given(st.text(alphabet='0123456789-+.()[] ,"exn\r\n\0', max_size=30))
def test_no_text_breaks_the_reader(text):
    with suppress(RequestError):
        made = values.numbers("CFG Scale", values.split_values(text))
        assert all(isinstance(one, (int, float)) for one in made)


def test_every_axis_has_an_action_or_a_reason():
    for axis in AXES[1:]:
        assert (axis.label in ACTIONS) != bool(axis.absent), axis.label


@pytest.mark.parametrize(
    ("label", "text", "img2img", "change"),
    [
        ("Seed", "7", False, {"seed": 7}),
        ("Steps", "7", False, {"steps": 7}),
        ("CFG Scale", "7.5", False, {"cfg_scale": 7.5}),
        ("Sampler", "ddim", False, {"sampler_name": "ddim"}),
        ("Schedule type", "Karras", False, {"scheduler": "Karras"}),
        ("Size", "512x768", False, {"width": 512, "height": 768}),
        ("Checkpoint name", "sub/m.safetensors", False, {"checkpoint": "sub/m.safetensors"}),
        ("Var. strength", "0.5", True, {"subseed_strength": 0.5}),
        ("Prompt S/R", "cat,bird", False, {"prompt": "a cat on a mat"}),
        ("Eta", "0.5", False, {"eta": 0.5}),
        ("Refiner switch at", ".8", False, {"refiner_switch_at": 0.8}),
        ("Refiner checkpoint", "None", False, {"refiner_checkpoint": None}),
        ("Refiner checkpoint", "b.safetensors", False, {"refiner_checkpoint": "b.safetensors"}),
    ],
)
def test_an_axis_changes_a_field(label, text, img2img, change):
    axis = filled(label, text, img2img=img2img)
    made = axis.apply(REQUEST, axis.values[0])
    assert {name: getattr(made, name) for name in change} == change


@pytest.mark.parametrize(
    ("label", "text", "name", "value"),
    [
        ("Clip skip", "2", "CLIP_stop_at_last_layers", 2),
        ("VAE", "soft.pt", "sd_vae", "soft.pt"),
        ("RNG source", "NV", "randn_source", "NV"),
        ("SGM noise multiplier", "yes", "sgm_noise_multiplier", True),
        ("Extra noise", "0.1", "img2img_extra_noise", 0.1),
        ("Schedule rho", "5", "rho", 5),
        ("Initial noise multiplier", "0.9", "initial_noise_multiplier", 0.9),
    ],
)
def test_an_axis_changes_an_option(label, text, name, value):
    axis = filled(label, text)
    assert getattr(axis.apply(REQUEST, axis.values[0]).options, name) == value


def test_denoising_is_of_the_pass_that_has_it():
    axis = filled("Denoising", "0.2")
    assert axis.apply(REQUEST, 0.2).hires.denoising_strength == 0.2
    assert axis.apply(Request(start=Start((b"",))), 0.2).start.denoising_strength == 0.2
    with pytest.raises(RequestError, match="hires fix"):
        axis.apply(Request(), 0.2)


def test_search_and_replace():
    axis = filled("Prompt S/R", "a , the,one")
    assert axis.values == ("a", "the", "one")
    axis = filled("Prompt S/R", "mat,sofa")
    assert [axis.apply(REQUEST, value).prompt for value in axis.values] == ["a cat on a mat", "a cat on a sofa"]
    with pytest.raises(RequestError, match="did not find"):
        filled("Prompt S/R", "bird,x").apply(REQUEST, "x")


def test_prompt_order():
    axis = filled("Prompt order", "cat, mat")
    assert [axis.apply(REQUEST, value).prompt for value in axis.values] == ["a cat on a mat", "a mat on a cat"]
    assert axis.label(axis.values[1]) == "mat, cat"
    with pytest.raises(RequestError, match="did not find"):
        filled("Prompt order", "cat, bird").apply(REQUEST, ("bird", "cat"))


def test_labels():
    assert filled("Steps", "20").label(20) == "Steps: 20"
    assert filled("CFG Scale", "7").label(7.100000000000001) == "CFG Scale: 7.1"
    assert filled("Checkpoint name", "a/b.safetensors").label("a/b.safetensors") == "b.safetensors"
    assert filled("Size", "5x6").label((5, 6)) == "5x6"
    assert filled("Nothing").label(None) == ""


def test_a_list_of_names_counts_where_the_axis_chooses_among_names():
    assert filled("Sampler", "Euler", ["DDIM", "Euler a"]).values == ("DDIM", "Euler a")
    assert filled("Sampler", "Euler", []).values == ("Euler",)
    assert filled("Steps", "5", ["7"]).values == (5,)
    assert fill(find_axis("Sampler", img2img=False), "Euler", ["DDIM"], False, as_text=True).values == ("Euler",)


def test_random_seeds_are_drawn_once_unless_they_are_kept():
    drawn = filled("Seed", "-1,-1,3").values
    assert drawn[2] == 3
    assert -1 not in drawn
    assert filled("Seed", "-1", keep_random=True).values == (-1,)


@pytest.mark.parametrize(
    ("label", "text"), [("Steps", ""), ("Steps", " , "), ("FP8 mode", "x"), ("Sampler", "Nope"), ("Size", "5"),
                        ("Always discard next-to-last sigma", "maybe"), ("Schedule type", "None such")]
)  # fmt: skip
def test_an_axis_that_cannot_be_is_refused(label, text):
    with pytest.raises(RequestError):
        filled(label, text)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("--prompt a red cat --steps 7", {"prompt": "a red cat", "steps": 7}),
        ('--prompt "a -- cat" --cfg_scale 4.5 --seed -1', {"prompt": "a -- cat", "cfg_scale": 4.5, "seed": -1}),
        ("--negative_prompt ugly, bad --sampler_name Euler", {"negative_prompt": "ugly, bad", "sampler_name": "Euler"}),
        ('--sampler_name "Euler a" --tiling true', {"sampler_name": "Euler a", "tiling": True}),
        ("--prompt it's a cat", {"prompt": "it's a cat"}),
    ],
)
def test_lines_that_name_fields(line, fields):
    assert parse_line(line) == fields


@pytest.mark.parametrize("line", ["--colour red", "--steps many", "--prompt a --steps", "--steps 5 6"])
def test_a_line_that_cannot_be_read_is_named(line):
    with pytest.raises(RequestError, match="Line 4") as refused:
        parse_line(line, 4)
    assert refused.value.code == "line-unreadable"


def test_the_legend_of_a_matrix():
    columns, rows = legend(["a", " b ", "c"])
    assert [[(words.text, words.active) for words in label] for label in rows] == [[("c", False)], [("c", True)]]
    assert [[words.active for words in label] for label in columns] == [
        [False, False],
        [True, False],
        [False, True],
        [True, True],
    ]
    assert columns[0][1].text == "b"


@pytest.mark.parametrize(
    ("curve", "found"),
    [("Linear", [0.2, 0.4, 0.6]), ("Aggressive", [0.2, 0.4828, 0.6]), ("Lazy", [0.2, 0.3172, 0.6])],
)
def test_the_strength_of_a_loop(curve, found):
    assert [denoising_at(k, 3, 0.2, 0.6, curve) for k in range(3)] == pytest.approx(found, abs=1e-4)
    assert denoising_at(0, 1, 0.2, 0.6, curve) == 0.2
