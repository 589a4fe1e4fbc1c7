"""The Extras job: sizes, blending, texts that stay, interruption; through the worker too."""

import io

import numpy as np
import pytest
from PIL import Image

from runtime.engine import images
from runtime.engine.extras import enlarge_pictures
from runtime.engine.saving import Outputs
from runtime.engine.upscale.enlarge import Enlarger
from runtime.job_options import JobOptions
from runtime.request import Extras, RequestError
from tests.runtime.engine.test_upscale import photo, shelf
from tests.runtime.engine.upscaler_files import compact_weights, nearest_weights

TEXT = "猫\nSteps: 20, Sampler: Euler a, Seed: 5"


def png(image=None, **texts):
    return images.encode(image or photo(), "png", texts)


def run(tmp_path, enlarger=None, wishes=(), **fields):
    wishes, seen = list(wishes), []
    extras = Extras(**({"images": (png(),), "upscaler_1": "Lanczos"} | fields))
    made = enlarge_pictures(
        extras,
        enlarger or Enlarger({}),
        Outputs(tmp_path),
        lambda step: seen.append((step.step, step.steps, step.batch, step.batches)),
        lambda: wishes.pop(0) if wishes else None,
    )
    return made, seen


def opened(picture):
    return images.read_image(picture.data)


def test_none_returns_the_picture_unchanged(tmp_path):
    made, _ = run(tmp_path, upscaler_1="None", upscaler_2="Lanczos", images=(png(parameters=TEXT),))
    (picture,) = made.pictures
    assert np.array_equal(opened(picture), photo())
    assert images.texts_of(opened(picture)) == {"parameters": TEXT}
    assert (picture.infotext, picture.path, made.comments) == ("", None, ())


@pytest.mark.parametrize(("factor", "size"), [(2.0, (80, 56)), (4, (160, 120)), (0.5, (16, 8))])
def test_by_a_factor(tmp_path, factor, size):
    made, seen = run(tmp_path, upscaling_resize=factor)
    assert opened(made.pictures[0]).size == size
    assert made.pictures[0].infotext == f"Postprocess upscale by: {factor}, Postprocess upscaler: Lanczos"
    assert seen == [(1, 1, 1, 1)]


def test_to_a_size_with_and_without_the_crop(tmp_path):
    fields = {"resize_mode": 1, "upscaling_resize_w": 100, "upscaling_resize_h": 100}
    cropped, _ = run(tmp_path, **fields)
    whole, _ = run(tmp_path, upscaling_crop=False, **fields)
    assert [opened(one.pictures[0]).size for one in (cropped, whole)] == [(100, 100), (133, 100)]
    assert cropped.pictures[0].infotext == (
        "Postprocess upscale to: 100x100, Postprocess crop to: 100x100, Postprocess upscaler: Lanczos"
    )
    assert whole.pictures[0].infotext == "Postprocess upscale to: 100x100, Postprocess upscaler: Lanczos"
    assert np.array_equal(opened(whole.pictures[0]).crop((16, 0, 116, 100)), opened(cropped.pictures[0]))


def test_the_second_upscaler_is_blended_in(tmp_path):
    enlarger = shelf(tmp_path, near=nearest_weights())
    fields = {"upscaling_resize": 4, "upscaler_1": "near", "upscaler_2": "Lanczos"}
    at = {}
    for visibility in (0, 0.25, 1):
        made, _ = run(tmp_path, enlarger, extras_upscaler_2_visibility=visibility, **fields)
        at[visibility] = np.asarray(opened(made.pictures[0]), float)
        assert ("Postprocess upscaler 2: Lanczos" in made.pictures[0].infotext) == (visibility > 0)
    assert np.abs(at[0.25] - (0.75 * at[0] + 0.25 * at[1])).max() <= 1
    assert np.abs(at[0] - at[1]).max() > 20


def test_texts_stay_and_what_was_done_comes_beside_them(tmp_path):
    source = png(parameters=TEXT, Title="mine")
    made, _ = run(tmp_path, images=(source,))
    done = "Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos"
    assert images.texts_of(opened(made.pictures[0])) == {"parameters": TEXT, "Title": "mine", "postprocessing": done}
    for kind in ("jpg", "webp"):
        jpeg = images.encode(photo(), kind, {"parameters": TEXT})
        made, _ = run(tmp_path, images=(jpeg,), options=JobOptions(samples_format=kind))
        assert images.texts_of(opened(made.pictures[0])) == {"parameters": TEXT}
        assert Image.open(io.BytesIO(made.pictures[0].data)).format == {"jpg": "JPEG", "webp": "WEBP"}[kind]
    made, _ = run(tmp_path, images=(source,), options=JobOptions(enable_pnginfo=False))
    assert images.texts_of(opened(made.pictures[0])) == {}


def test_files_are_written_only_where_they_are_wanted(tmp_path):
    run(tmp_path)
    assert not (tmp_path / "outputs").exists()
    made, _ = run(tmp_path, save=True, images=(png(parameters=TEXT), png()))
    folder = tmp_path / "outputs" / "extras-images"
    assert [picture.path for picture in made.pictures] == [str(folder / f"0000{k}.png") for k in (0, 1)]
    saved = images.texts_of(images.read_image((folder / "00000.png").read_bytes()))
    assert saved["parameters"] == TEXT
    assert saved["extras"] == saved["postprocessing"] == made.pictures[0].infotext
    named = [run(tmp_path, save=True, name="my cat")[0].pictures[0].path for _ in range(2)]
    assert named == [str(folder / "my cat.png"), str(folder / "my cat-1.png")], "nothing is overwritten"


def test_what_cannot_be_saved_is_there_all_the_same_and_said_once(tmp_path):
    (tmp_path / "outputs").touch()
    made, _ = run(tmp_path, save=True, images=(png(), png()))
    assert [(opened(picture).size, picture.path) for picture in made.pictures] == [((80, 56), None)] * 2
    assert [comment.split(":")[0] for comment in made.comments] == [
        "Not everything could be saved in outputs/extras-images"
    ]


def test_progress_counts_tiles_and_pictures(tmp_path):
    enlarger = shelf(tmp_path, near=nearest_weights())
    options = JobOptions(ESRGAN_tile=20, ESRGAN_tile_overlap=4)
    fields = {"upscaler_1": "near", "upscaling_resize": 4, "options": options, "images": (png(), png())}
    _, seen = run(tmp_path, enlarger, **fields)
    assert seen[:7] == [*((k, 6, 1, 2) for k in range(1, 7)), (1, 1, 1, 2)]
    assert seen[7][2:] == (2, 2)


@pytest.mark.parametrize(
    ("wishes", "count"),
    [(["stop"], 0), ([None] * 4 + ["stop"], 0), ([None] * 7 + ["stop"], 1), (["skip"], 1), ([None, None, "skip"], 1)],
)
def test_an_interrupt_is_heard_between_tiles_and_between_pictures(tmp_path, wishes, count):
    enlarger = shelf(tmp_path, near=nearest_weights())
    options = JobOptions(ESRGAN_tile=20, ESRGAN_tile_overlap=4)
    fields = {"upscaler_1": "near", "upscaling_resize": 4, "options": options, "images": (png(), png())}
    made, _ = run(tmp_path, enlarger, wishes, **fields)
    assert (len(made.pictures), made.interrupted) == (count, "stop" in wishes)
    assert "interrupted" in made.comments[0]


def test_restorers_that_are_not_there_are_said(tmp_path):
    made, _ = run(tmp_path, gfpgan_visibility=1, codeformer_visibility=0.5)
    assert [word for comment in made.comments for word in ("GFPGAN", "CodeFormer") if word in comment] == [
        "GFPGAN",
        "CodeFormer",
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"upscaler_1": "Magic"}, "upscaler-unknown"),
        ({"upscaler_2": "Magic"}, "upscaler-unknown"),
        ({"images": (png(), b"no picture")}, "image-unreadable"),
        ({"upscaling_resize": 1000}, "size-out-of-range"),
        ({"options": JobOptions(samples_format="gif")}, "format-unknown"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(tmp_path, fields, code):
    with pytest.raises(RequestError) as refused:
        run(tmp_path, save=True, **fields)
    assert refused.value.code == code
    assert not (tmp_path / "outputs").exists()


def test_a_network_makes_another_picture_than_lanczos(tmp_path):
    enlarger = shelf(tmp_path, net=compact_weights())
    made = [run(tmp_path, enlarger, upscaler_1=name)[0].pictures[0] for name in ("net", "Lanczos")]
    assert [opened(one).size for one in made] == [(80, 56)] * 2
    assert not np.array_equal(*(opened(one) for one in made))
