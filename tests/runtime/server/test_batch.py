"""Batches of the page: which pictures, from where, and what one bad picture does to the others."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runtime.flags import Settings, read_flags
from runtime.job_options import JobOptions
from runtime.request import Picture, Request, RequestError, Result
from runtime.ui.batch import Batch
from runtime.ui.batch_form import BatchForm, folder_named, folders_open, placed
from runtime.ui.start_form import StartForm


def settings(folder: Path, *flags: str) -> Settings:
    return read_flags(["--data-dir", str(folder), *flags], {})


def filled(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def test_the_pictures_of_a_folder_come_in_natural_order(tmp_path: Path) -> None:
    folder = filled(tmp_path / "in", "a10.png", "a9.JPG", "b.webp", ".hidden.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / "c.png").mkdir()
    for named in (str(folder), f'"{folder}"', "in"):  # as Windows copies a path; from the data folder
        found = BatchForm(batch_input_dir=named).pictures(settings(tmp_path))
        assert [file.name for file in found] == ["a9.JPG", "a10.png", "b.webp"]
    assert BatchForm(batch_files=["/x/a.png"], batch_input_dir="").pictures(settings(tmp_path)) == [Path("/x/a.png")]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (BatchForm(), "batch-empty"),
        (BatchForm(batch_files=["/x/a.png"], batch_input_dir="in"), "batch-twice"),
        (BatchForm(batch_input_dir="nowhere"), "folder-refused"),
        (BatchForm(batch_input_dir="a\0b"), "folder-refused"),
    ],
)
def test_a_batch_without_pictures_is_refused(tmp_path: Path, form: BatchForm, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        form.pictures(settings(tmp_path))
    assert refused.value.code == code


def test_other_computers_name_only_folders_that_the_flags_allow(tmp_path: Path) -> None:
    allowed, other = filled(tmp_path / "allowed", "a.png"), filled(tmp_path / "other", "secret.png")
    (allowed / "link.png").symlink_to(other / "secret.png")
    (allowed / "way").symlink_to(other)
    shared = settings(tmp_path, "--listen", "--gradio-allowed-path", str(allowed))
    assert [file.name for file in BatchForm(batch_input_dir=str(allowed)).pictures(shared)] == ["a.png"]
    assert folder_named(shared, str(allowed / "new")) == allowed / "new"
    for name in (str(other), str(allowed / ".." / "other"), str(allowed / "way"), f"{allowed}2"):
        with pytest.raises(RequestError) as refused:
            folder_named(shared, name)
        assert refused.value.code == "folder-refused"
    assert [folders_open(settings(tmp_path, *flags)) for flags in ((), ("--listen",), ("--hide-ui-dir-config",))] == [
        True,
        False,
        False,
    ]


def test_an_output_folder_takes_the_pictures_under_their_names(tmp_path: Path) -> None:
    options = placed(JobOptions(), tmp_path, "cat")
    assert (options.outdir_samples, options.samples_filename_pattern) == (str(tmp_path), "cat")
    assert (options.save_to_dirs, options.save_images_add_number) == (False, False)
    assert BatchForm(batch_output_dir=" ").output(settings(tmp_path)) is None
    assert BatchForm(batch_output_dir="out").output(settings(tmp_path)) == tmp_path / "out"


def ended(with_: Result | RequestError) -> Callable[[], Future[Any]]:
    job: Future[Any] = Future()
    job.set_exception(with_) if isinstance(with_, RequestError) else job.set_result(with_)
    return lambda: job


def drawn(number: int, path: str | None = None, **more: Any) -> Result:
    return Result(Request(), (Picture(b"", number, "", path),), 8, 8, seconds=1.5, comments=("told",), **more)


def finished(*jobs: Callable[[], Future[Any]]) -> Batch:
    batch = Batch([(Path(f"{number}.png"), job) for number, job in enumerate(jobs)])
    while not batch.done:
        pass
    return batch


def test_one_bad_picture_costs_only_itself(tmp_path: Path) -> None:
    def unreadable() -> Future[Any]:
        (tmp_path / "broken.png").write_bytes(b"no picture")
        StartForm(image=str(tmp_path / "broken.png")).start()
        raise AssertionError("it was read")

    refusal = RequestError("nan-unet", "The U-Net returned NaN.", "Try --no-half.")
    made = finished(ended(drawn(1)), ended(refusal), unreadable, ended(drawn(2)), ended(refusal)).result()
    assert [picture.seed for picture in made.pictures] == [1, 2]
    assert made.seconds == 3
    assert made.comments == (
        "told",
        *("1.png, 4.png:", "The U-Net returned NaN.", "Try --no-half."),
        *("2.png:", "The picture cannot be read.", "Choose a PNG, JPEG or WebP file."),
    )
    with pytest.raises(RequestError) as refused:
        finished(ended(refusal), ended(refusal)).result()
    assert (refused.value.code, refused.value.hint) == ("nan-unet", "Try --no-half.")


def test_an_interrupt_ends_the_whole_batch() -> None:
    batch = finished(ended(drawn(1)), ended(replace(drawn(2), interrupted=True)), ended(drawn(3)))
    assert (batch.number, [one.seed for one in batch.result().pictures]) == (2, [1, 2])


def test_a_long_batch_shows_its_first_pictures_and_says_so() -> None:
    made = finished(*(ended(drawn(number, "a.png")) for number in range(40))).result()
    assert [one.seed for one in made.pictures] == list(range(32))
    assert made.comments == ("told", "40 pictures were made; the first 32 are shown.")
    assert len(finished(*(ended(drawn(number)) for number in range(40))).result().pictures) == 40
