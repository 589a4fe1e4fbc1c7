"""Where pictures go, under which name, with what beside them."""

from dataclasses import replace
from datetime import datetime
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from PIL import Image

from runtime.engine import images, saving
from runtime.engine.filenames import JobFacts, Naming
from runtime.engine.saving import Outputs
from runtime.files import write_new
from runtime.job_options import JobOptions
from runtime.request import Request, Start

IMAGE = Image.effect_mandelbrot((64, 48), (-2, -1.5, 1, 1.5), 50).convert("RGB")
TEXT = "猫\nSteps: 20, Sampler: Euler a, Seed: 5"


def facts(**options):
    request = Request(prompt="a cat", seed=5, options=JobOptions(**options))
    return JobFacts(request, seeds=(5, 6), subseeds=(8, 9), began=datetime(2026, 1, 2))


def keep(tmp_path, index=0, **options):
    return saving.keep(IMAGE, TEXT, facts(**options), index, Outputs(tmp_path))


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_names_are_a_number_and_the_seed_under_the_date(tmp_path):
    first, second = keep(tmp_path), keep(tmp_path, 1)
    assert files(tmp_path) == [f"outputs/txt2img-images/2026-01-02/0000{k}-{5 + k}.png" for k in (0, 1)]
    assert [(one.seed, one.subseed) for one in (first, second)] == [(5, 8), (6, 9)]
    assert first.path == str(tmp_path / files(tmp_path)[0])
    assert (tmp_path / files(tmp_path)[0]).read_bytes() == first.data
    assert images.texts_of(images.read_image(first.data)) == {"parameters": TEXT}


def test_numbers_go_on_after_the_largest(tmp_path):
    folder = tmp_path / "outputs/txt2img-images/2026-01-02"
    folder.mkdir(parents=True)
    for name in ("00041-x.jpg", "7.png", "grid-0100.png", "cat.png"):
        (folder / name).write_bytes(b"")
    assert keep(tmp_path).path == str(folder / "00042-5.png")


def test_what_is_not_saved_leaves_nothing(tmp_path):
    made = saving.keep(IMAGE, TEXT, facts(save_txt=True), 0, Outputs(tmp_path), save=False)
    assert (made.path, files(tmp_path)) == (None, [])
    assert made.data.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"save_to_dirs": False}, "outputs/txt2img-images/00000-5-a cat.png"),
        ({"samples_filename_pattern": "[prompt]"}, "outputs/txt2img-images/2026-01-02/00000-a_cat.png"),
        ({"samples_filename_pattern": "[none]"}, "outputs/txt2img-images/2026-01-02/00000.png"),
        (
            {"samples_filename_pattern": "[seed]", "save_images_add_number": False},
            "outputs/txt2img-images/2026-01-02/5.png",
        ),
        (
            {"samples_filename_pattern": "[none]", "save_images_add_number": False},
            "outputs/txt2img-images/2026-01-02/00000.png",
        ),
        ({"samples_filename_pattern": "../../x"}, "outputs/txt2img-images/2026-01-02/00000-.._.._x.png"),
        ({"directories_filename_pattern": "../[date]/a"}, "outputs/txt2img-images/2026-01-02/a/00000-5.png"),
        ({"directories_filename_pattern": ""}, "outputs/txt2img-images/a cat/00000-5.png"),
        ({"outdir_samples": "mine"}, "mine/2026-01-02/00000-5.png"),
        ({"samples_format": "webp"}, "outputs/txt2img-images/2026-01-02/00000-5.webp"),
        ({"samples_format": "jpg"}, "outputs/txt2img-images/2026-01-02/00000-5.jpg"),
        ({"samples_format": "JPEG"}, "outputs/txt2img-images/2026-01-02/00000-5.jpeg"),
    ],
)
def test_options_choose_folder_and_name(tmp_path, options, name):
    keep(tmp_path, **options)
    assert files(tmp_path) == [name]


def test_img2img_has_its_own_folder_and_an_absolute_one_counts(tmp_path):
    started = replace(facts(), request=replace(facts().request, start=Start((b"",))))
    saving.keep(IMAGE, TEXT, started, 0, Outputs(tmp_path), suffix="-mask")
    assert files(tmp_path) == ["outputs/img2img-images/2026-01-02/00000-5-mask.png"]
    made = keep(tmp_path / "data", outdir_samples=str(tmp_path / "far"))
    assert made.path == str(tmp_path / "far/2026-01-02/00000-5.png")


def test_nothing_is_overwritten(tmp_path):
    options = {"samples_filename_pattern": "same", "save_images_add_number": False}
    for _ in range(3):
        keep(tmp_path, **options)
    assert [name.rsplit("/", 1)[1] for name in files(tmp_path)] == ["same-1.png", "same-2.png", "same.png"]


def test_two_jobs_at_once_take_different_names(tmp_path):
    with ThreadPool(8) as pool:
        made = pool.map(lambda _: keep(tmp_path, export_for_4chan=False).path, range(40))
    assert len(set(made)) == 40
    assert len(files(tmp_path)) == 40


def test_a_text_beside_the_picture(tmp_path):
    made = keep(tmp_path, save_txt=True)
    beside = made.path.removesuffix(".png") + ".txt"
    assert Path(beside).read_text(encoding="utf-8") == TEXT + "\n"


def test_what_exif_cannot_hold_lies_beside_the_picture(tmp_path):
    long = "猫" * 40_000
    saving.keep(IMAGE, long, facts(samples_format="jpg"), 0, Outputs(tmp_path))
    assert [name[-4:] for name in files(tmp_path)] == [".jpg", ".txt"]
    assert (tmp_path / files(tmp_path)[1]).read_text(encoding="utf-8") == long + "\n"


def test_without_pnginfo_the_file_says_nothing(tmp_path):
    made = keep(tmp_path, enable_pnginfo=False)
    assert images.texts_of(images.read_image(made.data)) == {}
    assert made.infotext == TEXT


@pytest.mark.parametrize("limit", [{"target_side_length": 40}, {"img_downscale_threshold": 0.0001}])
def test_a_large_picture_gets_a_small_jpeg(tmp_path, limit):
    keep(tmp_path, **limit)
    names = files(tmp_path)
    assert [name.rsplit("/", 1)[1] for name in names] == ["00000-5.jpg", "00000-5.png"]
    small = images.read_image((tmp_path / names[0]).read_bytes())
    assert small.size == ((40, 30) if "target_side_length" in limit else (64, 48))
    assert images.texts_of(small)["parameters"] == TEXT
    keep(tmp_path / "off", **limit, export_for_4chan=False)
    assert len(files(tmp_path / "off")) == 1


def test_grids_count_for_themselves(tmp_path):
    for _ in range(2):
        made = saving.keep_grid(IMAGE, TEXT, facts(), Outputs(tmp_path))
    assert files(tmp_path) == [f"outputs/txt2img-grids/2026-01-02/grid-000{k}.png" for k in (0, 1)]
    assert images.texts_of(images.read_image(made.data))["parameters"] == TEXT
    saving.keep_grid(IMAGE, TEXT, facts(grid_extended_filename=True, grid_format="jpg"), Outputs(tmp_path))
    assert files(tmp_path)[-1] == "outputs/txt2img-grids/2026-01-02/grid-0002-5.jpg"


def test_a_start_image_is_kept_once_under_its_hash(tmp_path):
    options, outputs = JobOptions(save_init_img=True), Outputs(tmp_path)
    digest = saving.keep_start_image(IMAGE, options, outputs)
    assert saving.keep_start_image(IMAGE, options, outputs) == digest
    assert files(tmp_path) == [f"outputs/init-images/{digest}.png"]
    assert saving.keep_start_image(IMAGE, JobOptions(), Outputs(tmp_path / "off")) == digest
    assert not (tmp_path / "off").exists()


def test_params_txt(tmp_path):
    saving.remember(TEXT, Outputs(tmp_path))
    assert (tmp_path / "params.txt").read_text(encoding="utf-8") == TEXT
    saving.remember("other", Outputs(tmp_path, history=False))
    assert (tmp_path / "params.txt").read_text(encoding="utf-8") == TEXT
    (tmp_path / "file").touch()
    saving.remember(TEXT, Outputs(tmp_path / "file" / "below"))


def test_flags_shorten_names(tmp_path):
    outputs = Outputs(tmp_path, Naming(longest=3))
    made = saving.keep(IMAGE, TEXT, facts(samples_filename_pattern="[prompt]"), 0, outputs)
    assert made.path.endswith("00000-a_c.png")


@pytest.mark.parametrize("inside", [True, False])
def test_a_picture_that_cannot_be_written_is_there_all_the_same(tmp_path, inside, caplog):
    """Who reads the remark may be far away: the folder's name from the data's on, and no other path."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/outputs").touch()
    (tmp_path / "far").touch()
    told = []
    outputs = Outputs(tmp_path / "data", say=told.append)
    made = saving.keep(IMAGE, TEXT, facts(outdir_samples="" if inside else str(tmp_path / "far")), 0, outputs)
    assert images.texts_of(images.read_image(made.data)) == {"parameters": TEXT}
    assert made.path is None
    (said,) = told
    folder = "outputs/txt2img-images/2026-01-02" if inside else "the folder that the settings name"
    assert said.startswith(f"Not everything could be saved in {folder}: ")
    assert str(tmp_path) not in said
    assert str(tmp_path) in caplog.text, "the owner finds it in the log"


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    told = []
    outputs, options = Outputs(tmp_path, say=told.append), JobOptions(save_init_img=True)
    assert saving.keep_grid(IMAGE, TEXT, facts(), outputs).path is None
    assert saving.keep_extra(IMAGE, {}, options, outputs) is None
    assert saving.keep_start_image(IMAGE, options, outputs)
    assert [one.count("No space left on device") for one in told] == [1, 1, 1]
    assert files(tmp_path) == []


def test_what_cannot_be_written_beside_a_picture_leaves_it_its_file(tmp_path, monkeypatch):
    def full(folder, names, data):
        if data.endswith(b"\n"):
            raise OSError(28, "No space left on device")
        return write_new(folder, names, data)

    monkeypatch.setattr(saving, "write_new", full)
    told = []
    made = saving.keep(IMAGE, TEXT, facts(save_txt=True), 0, Outputs(tmp_path, say=told.append))
    assert [made.path] == [str(tmp_path / name) for name in files(tmp_path)]
    assert len(told) == 1
