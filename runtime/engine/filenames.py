"""Names of picture files and their folders: AUTOMATIC1111's patterns, made safe for every file system."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PIL import Image

from runtime.hashes import Digest, short
from runtime.request import Request

_PATTERN = re.compile(r"\[([a-z_]+)((?:<[^<>]*>)*)\]")
_ARGUMENT = re.compile(r"<([^<>]*)>")
_CONTROL = "".join(map(chr, range(32))) + "\x7f"
_FORBIDDEN = str.maketrans(dict.fromkeys('#<>:"/\\|?*' + _CONTROL, "_"))
_FORBIDDEN_ON_UNIX = str.maketrans(dict.fromkeys("/\x00", "_"))
#: names that Windows keeps for devices, whatever their ending
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=\.|$)", re.IGNORECASE)
#: the most that a file system takes for one name, less room for counter's growth, ending and ".tmp"
_MOST_BYTES = 255 - 20
#: of all folders of one pattern together; a path as a whole has 4096 or, on macOS, 1024
_MOST_OF_FOLDERS = 500


@dataclass(frozen=True)
class Naming:
    """--filenames-max-length (letters of each part) and --unix-filenames-sanitization (only "/" is forbidden)."""

    longest: int = 128
    unix: bool = False


@dataclass(frozen=True)
class JobFacts:
    """What file names may tell of a drawing job."""

    #: as it is drawn: with its seed, its subseed and its size
    request: Request
    #: of the whole job, in the pictures' order
    seeds: tuple[int, ...] = ()
    subseeds: tuple[int, ...] = ()
    model_name: str = ""
    model_hash: str | Digest | None = None
    vae_name: str | None = None
    #: the file that the picture was made from, without its ending
    basename: str = ""
    #: local time at which the job began
    began: datetime = field(default_factory=datetime.now)

    @property
    def kind(self) -> str:
        return "txt2img" if self.request.start is None else "img2img"


@dataclass(frozen=True)
class Subject:
    """The picture that is to be named: `index` counts from 0 through the whole job."""

    facts: JobFacts
    image: Image.Image
    index: int = 0

    @property
    def seed(self) -> int:
        seeds = self.facts.seeds
        return seeds[self.index] if self.index < len(seeds) else self.facts.request.seed


def expand(pattern: str, subject: Subject, naming: Naming) -> str:
    """`pattern` with its [brackets] filled in; brackets that mean nothing stay as they are.

    What has no value ([batch_number] of a single picture) goes with the text between it and the pattern before.
    """
    made, place = "", 0
    for found in _PATTERN.finditer(pattern):
        name, arguments = found[1], tuple(_ARGUMENT.findall(found[2]))
        if name in PATTERNS:
            value = PATTERNS[name](subject)
        elif name in PATTERNS_WITH_ARGUMENTS:
            value = PATTERNS_WITH_ARGUMENTS[name](subject, arguments)
        else:
            continue
        before, place = pattern[place : found.start()], found.end()
        if value is not None:
            made += before + part(str(value), naming)
    return made + pattern[place:]


def part(text: str, naming: Naming) -> str:
    """`text` as one part of a name: forbidden letters become "_", the length is limited."""
    text = text.translate(_FORBIDDEN_ON_UNIX if naming.unix else _FORBIDDEN)
    return text.lstrip(" ")[: naming.longest].rstrip(" .")


def file_stem(text: str, naming: Naming) -> str:
    """A name that every file system takes: short enough, no device of Windows, no dot or space at its end."""
    text = _cut(text.translate(_FORBIDDEN_ON_UNIX if naming.unix else _FORBIDDEN).strip().rstrip(" ."))
    return _DEVICES.sub(lambda device: device[0] + "_", text, count=1)


def folder_path(text: str, naming: Naming) -> PurePosixPath:
    """A relative folder of one or more levels that never leads upwards; where there is no room for more, it ends."""
    found = PurePosixPath()
    for level in filter(None, (file_stem(level, naming) for level in re.split(r"[/\\]", text))):
        deeper = found / level
        if len(str(deeper).encode("utf-8", "replace")) > _MOST_OF_FOLDERS:
            break
        found = deeper
    return found


def _cut(text: str) -> str:
    """So many letters as have room; Windows counts UTF-16, the others bytes."""
    if sys.platform == "win32":
        return text.encode("utf-16-le", "replace")[: 2 * _MOST_BYTES].decode("utf-16-le", "ignore")
    return text.encode("utf-8", "replace")[:_MOST_BYTES].decode("utf-8", "ignore").rstrip(" .")


def _digest(data: Callable[[Subject], bytes]) -> Callable[[Subject, tuple[str, ...]], str]:
    """The first digits of a SHA-256; eight, or as many as the argument says."""

    def value(subject: Subject, arguments: tuple[str, ...]) -> str:
        length = int(arguments[0]) if arguments and arguments[0].isdecimal() else 8
        return hashlib.sha256(data(subject)).hexdigest()[:length]

    return value


def _written(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _datetime(subject: Subject, arguments: tuple[str, ...]) -> str:
    """[datetime<format><time zone>]; without a format, or with one that says nothing, YYYYmmddHHMMSS."""
    began = subject.facts.began
    if len(arguments) > 1:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            began = began.astimezone(ZoneInfo(arguments[1]))
    made = ""
    if arguments:
        with suppress(ValueError):
            made = began.strftime(arguments[0])
    return made or began.strftime("%Y%m%d%H%M%S")


def _words(subject: Subject) -> str:
    request = subject.facts.request
    return " ".join(re.findall(r"\w+", request.prompt)[: request.options.directories_max_prompt_words]) or "empty"


def _has_prompt(subject: Subject, arguments: tuple[str, ...]) -> str:
    """[hasprompt<wanted|otherwise>…]: each wanted text that the prompt has, else what stands after its bar."""
    prompt, made = subject.facts.request.prompt.casefold(), ""
    for argument in arguments:
        wanted, _bar, otherwise = argument.partition("|")
        made += wanted if wanted.casefold() in prompt else otherwise
    return made


def _batch_number(subject: Subject) -> int | None:
    size = subject.facts.request.batch_size
    return None if size == 1 else subject.index % size + 1


def _generation_number(subject: Subject) -> int | None:
    request = subject.facts.request
    return None if request.batch_size * request.n_iter == 1 else subject.index + 1


def _denoising(subject: Subject) -> float | None:
    request = subject.facts.request
    redrawing = request.start or request.hires
    return None if redrawing is None else redrawing.denoising_strength


def _sampler_scheduler(subject: Subject) -> str:
    request = subject.facts.request
    return request.sampler_name if request.scheduler == "Automatic" else f"{request.sampler_name} {request.scheduler}"


def _styles(subject: Subject) -> str:
    return ", ".join(style for style in subject.facts.request.styles if style != "None") or "None"


def _without_styles(subject: Subject) -> str:
    request = subject.facts.request
    return request.prompt if request.unstyled_prompt is None else request.unstyled_prompt


PATTERNS: Mapping[str, Callable[[Subject], object]] = {
    "seed": lambda subject: subject.seed,
    "seed_first": lambda subject: (subject.facts.seeds or (subject.seed,))[0],
    "seed_last": lambda subject: (subject.facts.seeds or (subject.seed,))[-1],
    "steps": lambda subject: subject.facts.request.steps,
    "cfg": lambda subject: subject.facts.request.cfg_scale,
    "width": lambda subject: subject.image.width,
    "height": lambda subject: subject.image.height,
    "styles": _styles,
    "sampler": lambda subject: subject.facts.request.sampler_name,
    "scheduler": lambda subject: subject.facts.request.scheduler,
    "sampler_scheduler": _sampler_scheduler,
    "model_hash": lambda subject: short(subject.facts.model_hash) or "",
    "model_name": lambda subject: subject.facts.model_name,
    "vae_filename": lambda subject: subject.facts.vae_name or "None",
    "date": lambda subject: subject.facts.began.strftime("%Y-%m-%d"),
    "job_timestamp": lambda subject: subject.facts.began.strftime("%Y%m%d%H%M%S"),
    "prompt": lambda subject: subject.facts.request.prompt.replace(" ", "_"),
    "prompt_spaces": lambda subject: subject.facts.request.prompt,
    "prompt_no_styles": _without_styles,
    "prompt_words": _words,
    "batch_number": _batch_number,
    "batch_size": lambda subject: subject.facts.request.batch_size,
    "generation_number": _generation_number,
    "clip_skip": lambda subject: subject.facts.request.options.CLIP_stop_at_last_layers,
    "denoising": _denoising,
    "user": lambda subject: subject.facts.request.user or "",
    "none": lambda _subject: "",
    "basename": lambda subject: subject.facts.basename,
}
PATTERNS_WITH_ARGUMENTS: Mapping[str, Callable[[Subject, tuple[str, ...]], str]] = {
    "datetime": _datetime,
    "hasprompt": _has_prompt,
    "prompt_hash": _digest(lambda subject: _written(subject.facts.request.prompt)),
    "negative_prompt_hash": _digest(lambda subject: _written(subject.facts.request.negative_prompt)),
    "full_prompt_hash": _digest(
        lambda subject: _written(f"{subject.facts.request.prompt} {subject.facts.request.negative_prompt}")
    ),
    "image_hash": _digest(lambda subject: subject.image.tobytes()),
}
