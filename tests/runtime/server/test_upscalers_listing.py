"""Which upscalers and scripts can be chosen, and by which spelling; no torch is needed to say so."""

import pytest

from runtime import script_table
from runtime.folders import find_folders
from runtime.request import RequestError
from runtime.upscalers import find_upscaler, upscalers


@pytest.fixture
def folders(tmp_path):
    models = tmp_path / "models"
    for name in (
        "ESRGAN/4x-UltraSharp.pth",
        "ESRGAN/deep/b2.safetensors",
        "ESRGAN/readme.txt",
        "RealESRGAN/RealESRGAN_x4plus.pth",
        "RealESRGAN/RealESRGAN_x2plus.pth",
        "SwinIR/4x-UltraSharp.pth",
        "DAT/A.pt",
    ):
        file = models / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return find_folders({}, tmp_path, models).upscalers


def test_the_three_come_first_then_letters_count(folders):
    found = [(one.name, one.kind, one.scale) for one in upscalers(folders)]
    assert found == [
        ("None", None, 4),
        ("Lanczos", None, 4),
        ("Nearest", None, 4),
        ("4x-UltraSharp", "ESRGAN", 4),
        ("A", "DAT", 4),
        ("b2", "ESRGAN", 4),
        ("R-ESRGAN 2x+", "RealESRGAN", 2),
        ("R-ESRGAN 4x+", "RealESRGAN", 4),
    ]
    assert upscalers({})[0].path is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (None, "None"),
        ("", "None"),
        ("none", "None"),
        ("lanczos", "Lanczos"),
        ("4X-ULTRASHARP", "4x-UltraSharp"),
        ("4x-UltraSharp.pth", "4x-UltraSharp"),
        ("RealESRGAN_x4plus", "R-ESRGAN 4x+"),
        ("R-ESRGAN 4x+", "R-ESRGAN 4x+"),
    ],
)
def test_spellings(folders, name, found):
    assert find_upscaler(name, folders).name == found


def test_an_unknown_one_is_refused_with_what_to_do(folders):
    with pytest.raises(RequestError) as refused:
        find_upscaler("R-ESRGAN 4x+ Anime6B", folders)
    assert refused.value.code == "upscaler-unknown"
    assert "RealESRGAN_x4plus_anime_6B.pth" in refused.value.hint
    with pytest.raises(RequestError, match="4x-UltraSharp"):
        find_upscaler("LDSR", folders)


def test_scripts_are_found_in_their_tab():
    assert script_table.find_script("x/y/z PLOT", img2img=False).title == script_table.XYZ.title
    assert script_table.find_script("SD upscale", img2img=True) == script_table.SD_UPSCALE
    for name, img2img in (("sd upscale", False), ("custom code", True)):
        with pytest.raises(RequestError) as refused:
            script_table.find_script(name, img2img)
        assert refused.value.code == "script-unknown"


@pytest.mark.parametrize("img2img", [False, True])
def test_the_plot_lists_the_axes_of_its_tab_each_at_its_number(img2img):
    plot = next(one for one in script_table.scripts_of(img2img) if one.title == script_table.XYZ.title)
    for argument in (plot.args[place] for place in (0, 3, 6)):
        numbered = [script_table.find_axis(number, img2img).label for number in range(len(argument.choices))]
        assert list(argument.choices) == numbered
        assert ("Hires steps" in numbered, "Image CFG Scale" in numbered) == (not img2img, img2img)


def test_arguments_that_are_not_given_take_their_default():
    given = script_table.arguments(script_table.XYZ, (4, "20,30"))
    assert len(given) == 18
    assert given[:2] == (4, "20,30")
    assert given[9:] == (True, False, False, False, False, False, False, 0, False)


@pytest.mark.parametrize(
    ("spelling", "img2img", "label"),
    [
        (0, False, "Nothing"),
        (4, False, "Steps"),
        (5, False, "Hires steps"),
        (5, True, "CFG Scale"),
        (6, False, "CFG Scale"),
        ("cfg scale", True, "CFG Scale"),
        (1.0, True, "Seed"),
    ],
)
def test_axes_by_number_or_label(spelling, img2img, label):
    assert script_table.find_axis(spelling, img2img).label == label


@pytest.mark.parametrize("spelling", [-1, 99, "Hires steps", "Colour", True])
def test_an_unknown_axis_is_refused(spelling):
    with pytest.raises(RequestError) as refused:
        script_table.find_axis(spelling, img2img=True)
    assert refused.value.code == "axis-unknown"


def test_arguments_take_the_types_of_the_table():
    given = script_table.arguments(script_table.MATRIX, ("true", 1, None, "space", "12.0", "too much"))
    assert given == (True, True, "positive", "space", 12)
    assert script_table.arguments(script_table.SD_UPSCALE, (None, 16.0, 2, 3)) == (None, 16, 2, 3.0)


@pytest.mark.parametrize("margin", ["wide", -1, 100_000, float("nan"), [1]])
def test_an_argument_that_cannot_be_is_named(margin):
    with pytest.raises(RequestError, match="Grid margins") as refused:
        script_table.arguments(script_table.MATRIX, (False, False, "positive", "comma", margin))
    assert refused.value.code == "script-args"
