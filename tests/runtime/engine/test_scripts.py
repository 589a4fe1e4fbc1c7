"""Scripts: what they draw, in which order, and where each picture ends up."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from runtime.engine import images
from runtime.engine.easel import Easel
from runtime.engine.saving import Outputs
from runtime.engine.scripts import loopback, matrix, plot, prompts, sd_upscale
from runtime.engine.scripts.bench import Bench, with_notes
from runtime.engine.scripts.legend import Words, grid_with_legend
from runtime.engine.scripts.letters import can_draw, font_for
from runtime.engine.scripts.running import RUNS, draw_request
from runtime.engine.upscale.enlarge import Enlarger
from runtime.engine.watch import Step
from runtime.infotext import parse_infotext
from runtime.job_options import JobOptions
from runtime.request import Mask, Picture, Request, RequestError, Result, Script, Start
from runtime.script_table import LOOPBACK, MATRIX, PROMPTS, SCRIPTS, SD_UPSCALE, XYZ

SIDE = 48


class Painter:
    """Draws one colour a request, so that a test sees which request ended up where."""

    def __init__(self, tmp_path, stop_after=None):
        self.requests, self.steps, self.stop_after = [], [], stop_after
        self.bench = Bench(self.draw, self.steps.append, lambda: None, Outputs(tmp_path), Enlarger({}), (SIDE, SIDE))

    def draw(self, request, tell):
        self.requests.append(request)
        tell(Step(1, 1, 1, 1))
        number, made = len(self.requests), []
        for k in range(request.batch_size * request.n_iter):
            image = self.image(request, number, k)
            text = f"{request.prompt}\nSteps: {request.steps}, Sampler: Euler a, Seed: {request.seed + k}, Version: x"
            made.append(Picture(images.to_png(image, text), request.seed + k, text))
        return Result(request, tuple(made), SIDE, SIDE, interrupted=number == self.stop_after, comments=("told",))

    def image(self, request, number, k):
        size = request.width or SIDE, request.height or SIDE
        return Image.new("RGB", size, colour_of(number))


class Copier(Painter):
    """Gives img2img's picture back as it was."""

    def image(self, request, number, k):
        return images.read_image(request.start.images[k])


def colour_of(number):
    return (10 * number, 255 - 10 * number, 7)


def opened(picture):
    return Image.open(io.BytesIO(picture.data)).convert("RGB")


def request(script, *args, **fields):
    return Request(**({"prompt": "a cat", "seed": 5, "steps": 20, "save": False} | fields), script=Script(script, args))


def xyz(x=("Nothing", ""), y=("Nothing", ""), z=("Nothing", ""), *rest, **fields):
    legend_and_more = [False, *rest] if rest else [False]
    return request(XYZ.title, *x, None, *y, None, *z, None, *legend_and_more, **fields)


def corners(grid, columns, rows, width=SIDE, height=SIDE, margin=0):
    """The colour in the middle of each cell, row by row."""
    return [
        grid.getpixel((x * (width + margin) + width // 2, y * (height + margin) + height // 2))
        for y in range(rows)
        for x in range(columns)
    ]


def test_every_script_of_the_table_runs():
    assert RUNS.keys() == {script.title for script in SCRIPTS}
    assert json.dumps([argument.value for script in SCRIPTS for argument in script.args])


def test_x_goes_across_and_y_down(tmp_path):
    painter = Painter(tmp_path)
    made = plot.run(xyz(("Steps", "1,2,3"), ("CFG Scale", "4,5")), painter.bench)
    assert [(one.steps, one.cfg_scale) for one in painter.requests] == [(s, c) for c in (4, 5) for s in (1, 2, 3)]
    assert {one.seed for one in painter.requests} == {5}
    (grid,) = made.pictures
    assert opened(grid).size == (3 * SIDE, 2 * SIDE)
    assert corners(opened(grid), 3, 2) == [colour_of(k) for k in range(1, 7)]
    assert (made.index_of_first_image, made.comments) == (1, ("told",))
    assert [(step.batch, step.batches) for step in painter.steps] == [(k, 6) for k in range(1, 7)]


def test_the_grid_says_what_its_axes_are(tmp_path):
    made = plot.run(xyz(("Prompt S/R", "cat, dog"), ("Size", "64x64")), Painter(tmp_path).bench)
    found = parse_infotext(made.pictures[0].infotext)
    assert {key: found[key] for key in ("Script", "X Type", "X Values", "Y Type")} == {
        "Script": "X/Y/Z plot",
        "X Type": "Prompt S/R",
        "X Values": "cat, dog",
        "Y Type": "Size",
    }
    assert made.pictures[0].infotext.endswith(", Version: x")


def test_z_makes_planes_side_by_side(tmp_path):
    axes = ("Steps", "1,2"), ("CFG Scale", "4,5"), ("Seed", "8,9")
    made = plot.run(xyz(*axes, True, True), Painter(tmp_path).bench)
    assert (len(made.pictures), made.index_of_first_image) == (3 + 8, 3)
    whole, first, second = (opened(one) for one in made.pictures[:3])
    assert corners(first, 2, 2) == [colour_of(k) for k in (1, 2, 3, 4)]
    assert corners(second, 2, 2) == [colour_of(k) for k in (5, 6, 7, 8)]
    assert whole.size == (4 * SIDE, 2 * SIDE)
    assert corners(whole, 4, 2) == [colour_of(k) for k in (1, 2, 5, 6, 3, 4, 7, 8)]
    assert [one.seed for one in made.pictures[3:]] == [8] * 4 + [9] * 4


def test_a_checkpoint_is_changed_as_seldom_as_can_be(tmp_path):
    painter = Painter(tmp_path)
    made = plot.run(xyz(("Checkpoint name", "a,b"), ("Steps", "1,2")), painter.bench)
    assert [(one.checkpoint, one.steps) for one in painter.requests] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert corners(opened(made.pictures[0]), 2, 2) == [colour_of(k) for k in (1, 3, 2, 4)]


def test_seeds_are_drawn_once_kept_or_grown(tmp_path):
    def seeds(*rest, **fields):
        painter = Painter(tmp_path)
        axes = ("Steps", "1,2"), ("CFG Scale", "4,5"), ("Nothing", "")
        plot.run(xyz(*axes, False, False, *rest, **fields), painter.bench)
        return [one.seed for one in painter.requests]

    drawn = seeds(seed=-1)
    assert len(set(drawn)) == 1
    assert drawn[0] != -1
    assert seeds(True, seed=-1) == [-1] * 4
    assert seeds(False, True, True) == [5, 6, 7, 8]
    assert seeds(False, False, True) == [5, 5, 6, 6]


def test_a_margin_parts_the_cells(tmp_path):
    rest = [False] * 6 + [10]
    asked = xyz(("Steps", "1,2"), ("CFG Scale", "4,5"), ("Nothing", ""), *rest)
    grid = opened(plot.run(asked, Painter(tmp_path).bench).pictures[0])
    assert grid.size == (2 * SIDE + 10, 2 * SIDE + 10)
    assert corners(grid, 2, 2, margin=10) == [colour_of(k) for k in range(1, 5)]


def test_an_interrupted_plot_shows_what_there_is(tmp_path):
    made = plot.run(xyz(("Steps", "1,2,3,4")), Painter(tmp_path, stop_after=2).bench)
    assert corners(opened(made.pictures[0]), 4, 1) == [colour_of(1), colour_of(2), (255,) * 3, (255,) * 3]
    assert made.interrupted


def test_a_plot_by_number_as_clients_send_it(tmp_path):
    painter = Painter(tmp_path)
    args = [4, "20-30 (+10)", [], 0, "", [], 0, "", [], True, False, False, False, False, False, False, 0, False]
    made = plot.run(request("x/y/z plot", *args), painter.bench)
    assert [one.steps for one in painter.requests] == [20, 30]
    assert opened(made.pictures[0]).height > SIDE


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (xyz(("Steps", "1-1000"), ("CFG Scale", "1-2")), "too-many"),
        (xyz(("Steps", "1-100"), width=8000, height=8000), "grid-too-large"),
        (xyz(("Colour", "red")), "axis-unknown"),
        (xyz(("Hires steps", "5")), "axis-value"),
    ],
)
def test_a_plot_that_cannot_be_is_refused_before_anything_is_drawn(tmp_path, asked, code):
    painter = Painter(tmp_path)
    with pytest.raises(RequestError) as refused:
        plot.run(asked, painter.bench)
    assert refused.value.code == code
    assert painter.requests == []


def test_grids_are_saved_where_grids_are_wanted(tmp_path):
    plot.run(xyz(("Steps", "1,2"), save=True), Painter(tmp_path).bench)
    (file,) = (path for path in (tmp_path / "outputs" / "txt2img-grids").rglob("*") if path.is_file())
    assert file.name == "xyz_grid-0000.png"
    plot.run(xyz(("Steps", "1,2"), save=True, options=JobOptions(grid_save=False)), Painter(tmp_path).bench)
    assert len(list(file.parent.iterdir())) == 1


def test_a_grid_that_cannot_be_saved_is_there_all_the_same_and_it_is_said(tmp_path):
    (tmp_path / "full").touch()
    asked = xyz(("Steps", "1,2"), save=True, options=JobOptions(outdir_grids="full"))
    made = plot.run(asked, Painter(tmp_path).bench)
    assert (made.pictures[0].path, made.index_of_first_image) == (None, 1)
    assert [comment.split("/")[0] for comment in made.comments] == ["Not everything could be saved in full", "told"]


def test_a_legend_lies_above_and_beside():
    cells = [Image.new("RGB", (200, 100), colour_of(k)) for k in range(1, 5)]
    columns, rows = ([(Words("Steps: 1"),), (Words("Steps: 2"),)], [(Words("CFG Scale: 4"),), (Words("CFG Scale: 5"),)])
    whole = grid_with_legend(cells, columns, rows, margin=4)
    left, top = 150, whole.height - 204
    assert whole.width == 150 + 404
    assert top > 10
    inner = whole.crop((left, top, whole.width, whole.height))
    assert corners(inner, 2, 2, 200, 100, 4) == [colour_of(k) for k in range(1, 5)]
    assert np.asarray(whole.crop((left, 0, left + 200, top))).min() < 100
    assert np.asarray(whole.crop((0, top, left, whole.height))).min() < 100
    assert grid_with_legend(cells, [(Words(""),)] * 2, [(Words(""),)] * 2).size == (400, 200)


def test_a_long_word_is_broken_and_rows_grow_with_their_words():
    cells = [Image.new("RGB", (60, 40), "red")] * 2
    whole = grid_with_legend(cells, [()], [(Words("word " * 30),), (Words("x" * 200),)])
    assert whole.height > 400
    assert whole.getpixel((0, 0)) == (255, 255, 255)
    assert np.asarray(whole)[:, :2].min() == 255, "words stay inside"


def test_letters_that_no_font_has_become_boxes():
    assert font_for("Steps: 20", 16)[1] == "Steps: 20"
    # Pillow's own font has few letters; whether the system has another is its own affair
    assert (font_for("Steps: 20, é", 16)[1] == "Steps: 20, é") is can_draw("é")
    lost = "\U0010ffff"
    assert not can_draw(lost)
    drawn = font_for(f"a{lost}b", 16)[1]
    assert drawn[0] + drawn[2] == "ab"
    assert drawn[1] in "□?"


def test_chinese_is_drawn_or_boxed(monkeypatch):
    from runtime.engine.scripts import letters

    monkeypatch.setattr(letters, "_wide_font", lambda size: None)
    assert font_for("猫 cat", 16)[1][1:] == " cat"
    assert font_for("猫 cat", 16)[1][0] in "□?"


def test_the_matrix_draws_every_combination(tmp_path):
    painter = Painter(tmp_path)
    made = matrix.run(request(MATRIX.title, prompt="a cat|red, | big|old", batch_size=4), painter.bench)
    assert [one.prompt for one in painter.requests] == [
        "a cat",
        "a cat, red",
        "a cat, big",
        "a cat, red, big",
        "a cat, old",
        "a cat, red, old",
        "a cat, big, old",
        "a cat, red, big, old",
    ]
    assert {one.seed for one in painter.requests} == {5}
    assert (len(made.pictures), made.index_of_first_image) == (9, 1)
    grid = opened(made.pictures[0])
    inner = grid.crop((grid.width - 4 * SIDE, grid.height - 2 * SIDE, grid.width, grid.height))
    assert corners(inner, 4, 2) == [colour_of(k) for k in range(1, 9)]


def test_the_matrix_can_start_with_the_parts_use_spaces_seeds_and_the_negative(tmp_path):
    painter = Painter(tmp_path)
    matrix.run(request(MATRIX.title, True, True, "negative", "space", negative_prompt="bad|blurry"), painter.bench)
    assert [(one.prompt, one.negative_prompt, one.seed) for one in painter.requests] == [
        ("a cat", "bad", 5),
        ("a cat", "blurry bad", 6),
    ]
    with pytest.raises(RequestError) as refused:
        matrix.run(request(MATRIX.title, prompt="|".join("abcdefghijkl")), Painter(tmp_path).bench)
    assert refused.value.code == "too-many"


def test_prompts_line_by_line(tmp_path):
    text = "a dog\n\n  --prompt a fish --steps 3 --batch_size 2 --sd_model other\nan -- odd one"
    painter = Painter(tmp_path)
    made = prompts.run(request(PROMPTS.title, True, False, "start", text), painter.bench)
    assert [(one.prompt, one.steps, one.seed, one.checkpoint) for one in painter.requests] == [
        ("a dog a cat", 20, 5, None),
        ("a fish a cat", 3, 6, "other"),
        ("an -- odd one a cat", 20, 8, None),
    ]
    assert (len(made.pictures), made.index_of_first_image) == (4, 0)
    painter = Painter(tmp_path)
    prompts.run(request(PROMPTS.title, False, False, "end", "x\ny"), painter.bench)
    assert [(one.prompt, one.seed) for one in painter.requests] == [("a cat x", 5), ("a cat y", 5)]


def test_prompts_may_share_a_random_seed_or_not(tmp_path):
    def seeds(*args):
        painter = Painter(tmp_path)
        prompts.run(request(PROMPTS.title, *args, seed=-1), painter.bench)
        return [one.seed for one in painter.requests]

    assert len(set(seeds(False, True, "start", "a\nb\nc"))) == 1
    assert len(set(seeds(False, False, "start", "a\nb\nc"))) == 3
    first, second = seeds(True, False, "a\nb")  # as older clients send it, without a position
    assert second == first + 1


def test_a_line_tells_what_it_cannot_set(tmp_path):
    made = prompts.run(
        request(PROMPTS.title, False, False, "start", "--prompt x --styles Ink"), Painter(tmp_path).bench
    )
    assert made.comments == ("Line 1: --styles is not heeded.", "told")
    with pytest.raises(RequestError, match="empty"):
        prompts.run(request(PROMPTS.title, False, False, "start", " \n"), Painter(tmp_path).bench)


def photo(width, height):
    return Image.effect_mandelbrot((width, height), (-2, -1.5, 1, 1.5), 60).convert("RGB")


def upscale_request(args, size=(100, 80), **fields):
    start = Start((images.to_png(photo(*size)),), denoising_strength=0.3, mask=fields.pop("mask", None))
    return request(SD_UPSCALE.title, *args, start=start, width=64, height=64, **fields)


def test_sd_upscale_joins_what_was_not_changed_to_the_enlarged_picture(tmp_path):
    painter = Copier(tmp_path)
    made = sd_upscale.run(upscale_request([None, 16, "Lanczos", 2.0], batch_size=3), painter.bench)
    large = photo(100, 80).resize((200, 160), Image.Resampling.LANCZOS)
    (picture,) = made.pictures
    assert np.array_equal(opened(picture), large)
    assert (made.width, made.height) == (200, 160)
    tiles = 4 * 3
    assert [one.batch_size for one in painter.requests] == [3, 3, 3, 3]
    assert [one.seed for one in painter.requests] == [5, 8, 11, 14]
    assert sum(len(one.start.images) for one in painter.requests) == tiles
    found = parse_infotext(picture.infotext)
    assert (found["SD upscale overlap"], found["SD upscale upscaler"]) == ("16", "Lanczos")


def test_sd_upscale_by_number_and_several_times(tmp_path):
    painter = Copier(tmp_path)
    made = sd_upscale.run(upscale_request([0, 0, 2, 1.5], size=(80, 80), n_iter=2), painter.bench)
    assert [opened(one).size for one in made.pictures] == [(120, 120)] * 2
    assert [one.seed for one in painter.requests] == [5, 6, 7, 8, 6, 7, 8, 9]
    with pytest.raises(RequestError, match="number 9"):
        sd_upscale.run(upscale_request([0, 0, 9, 1.5]), painter.bench)


def test_sd_upscale_of_a_small_picture_a_mask_and_a_file(tmp_path):
    mask = Mask(images.to_png(Image.new("L", (8, 8))))
    painter = Copier(tmp_path)
    made = sd_upscale.run(upscale_request([None, 16, "None", 2.0], size=(70, 40), mask=mask, save=True), painter.bench)
    assert opened(made.pictures[0]).size == (70, 40)
    assert [(one.width, one.height, one.start.mask, one.save) for one in painter.requests] == [
        (64, 64, None, False)
    ] * 2
    assert "mask" in made.comments[0]
    assert made.pictures[0].path.startswith(str(tmp_path / "outputs" / "img2img-images"))


def test_an_interrupted_sd_upscale_gives_no_half_picture(tmp_path):
    painter = Copier(tmp_path, stop_after=2)
    made = sd_upscale.run(upscale_request([None, 16, "Lanczos", 2.0]), painter.bench)
    assert (made.pictures, made.interrupted) == ((), True)


def test_loopback_starts_from_what_it_drew(tmp_path):
    painter = Painter(tmp_path)
    start = Start((images.to_png(photo(SIDE, SIDE)),), denoising_strength=0.2, mask=Mask(b"m", fill=2))
    made = loopback.run(request(LOOPBACK.title, 3, 0.6, "Linear", "None", start=start, n_iter=2), painter.bench)
    assert [one.start.denoising_strength for one in painter.requests] == pytest.approx([0.2, 0.4, 0.6] * 2)
    assert [one.seed for one in painter.requests] == [5, 6, 7, 8, 9, 10]
    assert [one.start.mask.fill for one in painter.requests] == [2, 1, 1] * 2
    starts = [one.start.images[0] for one in painter.requests]
    assert starts[0] == starts[3] == start.images[0]
    pictures = made.pictures[made.index_of_first_image :]
    assert starts[1:3] == [one.data for one in pictures[:2]]
    assert (len(made.pictures), made.index_of_first_image) == (7, 1)


def test_notes_come_before_the_version():
    assert with_notes("a, Version: 1\nSteps: 1, Version: x", {"A": "b, c"}) == (
        'a, Version: 1\nSteps: 1, A: "b, c", Version: x'
    )
    assert with_notes("Steps: 1", {"A": 1}) == "Steps: 1, A: 1"


def test_scripts_draw_with_the_model_what_single_jobs_draw(model, tmp_path):
    easel, steps = Easel(model, Outputs(tmp_path)), []
    plain = Request(prompt="a cat", seed=5, steps=2, save=False)
    asked = replace(plain, script=Script("x/y/z plot", (4, "1,2", None, 1, "5,6", None, 0, "", None, True, True)))
    made = draw_request(asked, easel, steps.append, lambda: None)
    alone = draw_request(replace(plain, seed=6), easel, steps.append, lambda: None)
    assert made.pictures[4].data == alone.pictures[0].data
    assert [(step.batch, step.batches) for step in steps[:6]] == [(1, 4), (2, 4), (2, 4), (3, 4), (4, 4), (4, 4)]
    with pytest.raises(RequestError) as refused:
        draw_request(replace(plain, script=Script("Custom code")), easel, steps.append, lambda: None)
    assert refused.value.code == "script-unknown"
