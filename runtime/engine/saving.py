"""Pictures kept as files: their folder, their number, the texts beside them; nothing is ever overwritten."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from PIL import Image

from runtime.engine import images
from runtime.engine.filenames import JobFacts, Naming, Subject, expand, file_stem, folder_path
from runtime.files import write_new, write_whole
from runtime.job_options import JobOptions
from runtime.request import Picture
from runtime.written_path import written_path

_LOG = logging.getLogger(__name__)
_COUNTER = re.compile(r"(\d+)-?")
#: names in the order in which they are tried; asked for once the folder exists
Names = Callable[[], Iterator[str]]


@dataclass(frozen=True)
class Outputs:
    """Where files go, and what they may be called."""

    #: relative folders of the options count from here
    data: Path
    naming: Naming = field(default_factory=Naming)
    #: write params.txt (off with --no-prompt-history)
    history: bool = True
    #: hears a sentence for the user of each file that could not be written
    say: Callable[[str], None] = lambda _: None


def keep(
    image: Image.Image,
    infotext: str,
    facts: JobFacts,
    index: int,
    outputs: Outputs,
    *,
    save: bool = True,
    suffix: str = "",
) -> Picture:
    """The finished picture number `index` (from 0) of a job: encoded as the options say and, with `save`, written.

    `suffix` goes behind the file's name ("-mask"). Where no file can be written the picture has no path.
    """
    options = facts.request.options
    picture = _picture(image, infotext, facts, index, options.samples_format)
    if not save:
        return picture
    subject = Subject(facts, image, index)
    folder = _dated(_samples(facts), options.save_to_dirs, subject, outputs)
    default = "[seed]" if options.save_to_dirs else "[seed]-[prompt_spaces]"
    decoration = expand(options.samples_filename_pattern or default, subject, outputs.naming)
    if options.save_images_add_number or not file_stem(decoration, outputs.naming):
        names = _numbered(folder, "", decoration, suffix, outputs.naming)
    else:
        names = _named(file_stem(decoration, outputs.naming) + suffix)
    return _write(picture, image, folder, names, facts, outputs, options.samples_format)


def keep_grid(
    grid: Image.Image, infotext: str, facts: JobFacts, outputs: Outputs, *, save: bool = True, basename: str = "grid"
) -> Picture:
    """A grid as `basename`-0000, or with the pattern of the samples behind it; otherwise like `keep`."""
    options = facts.request.options
    picture = _picture(grid, infotext, facts, 0, options.grid_format)
    if not save:
        return picture
    subject = Subject(facts, grid)
    folder = _dated(_grids(facts), options.grid_save_to_dirs, subject, outputs)
    decoration = ""
    if options.grid_extended_filename:
        decoration = expand(options.samples_filename_pattern or "[seed]", subject, outputs.naming)
    names = _numbered(folder, basename, decoration, "", outputs.naming)
    return _write(picture, grid, folder, names, facts, outputs, options.grid_format)


def keep_start_image(image: Image.Image, options: JobOptions, outputs: Outputs) -> str:
    """The hash of an img2img job's picture; with `save_init_img` it is also written under that name, once."""
    digest = hashlib.md5(image.tobytes(), usedforsecurity=False).hexdigest()
    folder = outputs.data / options.outdir_init_images
    if options.save_init_img and not (folder / f"{digest}.png").exists():
        picture = Picture(images.encode(image, "png", images.texts_of(image)), -1, "")
        _put(picture.data, folder, _named(digest), ".png", outputs)
    return digest


def keep_extra(
    image: Image.Image, texts: Mapping[str, str], options: JobOptions, outputs: Outputs, name: str = ""
) -> Path | None:
    """An enlarged picture under its name, or as the next number of its folder, which has no folders of dates inside.

    None where it cannot be written.
    """
    data = images.encode(
        image, options.samples_format, texts, quality=options.jpeg_quality, lossless=options.webp_lossless
    )
    folder = outputs.data / written_path(options.outdir_extras_samples)
    stem = file_stem(name, outputs.naming)
    names = _named(stem) if stem else _numbered(folder, "", "", "", outputs.naming)
    return _put(data, folder, names, _ending(data, options.samples_format), outputs)


def remember(infotext: str, outputs: Outputs) -> None:
    """params.txt: the infotext of the first picture of the job that begins; a disk that refuses it is no matter."""
    if outputs.history:
        try:
            write_whole(outputs.data / "params.txt", infotext)
        except OSError:
            return


def next_number(folder: Path, basename: str = "") -> int:
    """One more than the largest number that a file name in `folder` begins with, after `basename`-; 0 at first."""
    start = f"{basename}-" if basename else ""
    names = (entry.name[len(start) :] for entry in folder.iterdir() if entry.name.startswith(start))
    numbers = (_COUNTER.match(name) for name in names)
    return max((int(found[1]) for found in numbers if found), default=-1) + 1


def _picture(image: Image.Image, infotext: str, facts: JobFacts, index: int, file_format: str) -> Picture:
    options, request = facts.request.options, facts.request
    texts = {"parameters": infotext} if options.enable_pnginfo else {}
    data = images.encode(image, file_format, texts, quality=options.jpeg_quality, lossless=options.webp_lossless)
    return Picture(
        data,
        facts.seeds[index] if index < len(facts.seeds) else request.seed,
        infotext,
        subseed=facts.subseeds[index] if index < len(facts.subseeds) else request.subseed,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
    )


def _samples(facts: JobFacts) -> str:
    options = facts.request.options
    own = options.outdir_txt2img_samples if facts.kind == "txt2img" else options.outdir_img2img_samples
    return options.outdir_samples or own


def _grids(facts: JobFacts) -> str:
    options = facts.request.options
    own = options.outdir_txt2img_grids if facts.kind == "txt2img" else options.outdir_img2img_grids
    return options.outdir_grids or own


def _dated(folder: str, into_folders: bool, subject: Subject, outputs: Outputs) -> Path:
    place = outputs.data / written_path(folder)
    if into_folders:
        pattern = subject.facts.request.options.directories_filename_pattern or "[prompt_words]"
        place = place / folder_path(expand(pattern, subject, outputs.naming), outputs.naming)
    return place


def _numbered(folder: Path, basename: str, decoration: str, suffix: str, naming: Naming) -> Names:
    """`00000-DECORATION` or `grid-0000-DECORATION`, from the first number that the folder has not."""

    def names() -> Iterator[str]:
        for number in count(next_number(folder, basename)):
            counter = f"{basename}-{number:04}" if basename else f"{number:05}"
            yield file_stem(f"{counter}-{decoration}" if decoration else counter, naming) + suffix

    return names


def _named(name: str) -> Names:
    """The name itself, then with -1, -2 … behind it."""
    return lambda: (name if attempt == 0 else f"{name}-{attempt}" for attempt in count())


def _write(
    picture: Picture,
    image: Image.Image,
    folder: Path,
    names: Names,
    facts: JobFacts,
    outputs: Outputs,
    file_format: str,
) -> Picture:
    """The file, a .txt and a smaller .jpg beside it where the options want them."""
    options, ending = facts.request.options, _ending(picture.data, file_format)
    target = _put(picture.data, folder, names, ending, outputs)
    if target is None:
        return picture
    beside: dict[str, bytes] = {}
    told = options.enable_pnginfo and not images.holds(ending[1:], picture.infotext)
    if options.save_txt or told:
        beside[".txt"] = f"{picture.infotext}\n".encode("utf-8", "replace")
    if options.export_for_4chan and ending not in (".jpg", ".jpeg") and _large(image, picture.data, options):
        beside[".jpg"] = _smaller(image, picture.infotext, options)
    for extra, data in beside.items():
        _put(data, folder, _named(target.name.removesuffix(ending)), extra, outputs)
    return replace(picture, path=str(target))


def _ending(data: bytes, file_format: str) -> str:
    """Of what the bytes are: a picture too large for its format has become a PNG."""
    if data.startswith(b"\x89PNG"):
        return ".png"
    if data.startswith(b"RIFF"):
        return ".webp"
    return ".jpeg" if file_format.lower() == "jpeg" else ".jpg"


def _large(image: Image.Image, data: bytes, options: JobOptions) -> bool:
    return max(image.size) > options.target_side_length or len(data) > options.img_downscale_threshold * 1024 * 1024


def _smaller(image: Image.Image, infotext: str, options: JobOptions) -> bytes:
    """A JPEG with no side above `target_side_length`."""
    factor = min(1.0, options.target_side_length / max(image.size))
    width, height = (max(1, int(side * factor)) for side in image.size)
    small = image if factor == 1 else image.resize((width, height), Image.Resampling.LANCZOS)
    texts = {"parameters": infotext} if options.enable_pnginfo else {}
    return images.encode(small, "jpg", texts, quality=options.jpeg_quality)


def _put(data: bytes, folder: Path, names: Names, ending: str, outputs: Outputs) -> Path | None:
    """Write whole or not at all, under the first name that is free; None where that cannot be done, which is said."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_new(folder, (name + ending for name in names()), data)
    except OSError as refused:
        _LOG.warning("Nothing could be written to %s: %s", folder, refused)
        outputs.say(
            f"Not everything could be saved in {_told(folder, outputs)}: {refused.strerror or type(refused).__name__}. "
            "The pictures are here all the same; make room on the disk or choose another folder."
        )
        return None


def _told(folder: Path, outputs: Outputs) -> str:
    """The folder as its name from the data's on; who reads it may be far away, and learns no other path."""
    try:
        return folder.relative_to(outputs.data).as_posix()
    except ValueError:
        return "the folder that the settings name"
