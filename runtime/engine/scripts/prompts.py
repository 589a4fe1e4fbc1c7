"""Prompts from file or textbox: a job for each line, which is a prompt or names fields as a command line does."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from runtime import script_table
from runtime.engine.scripts.bench import Bench, own_pictures, with_seed
from runtime.request import LARGEST_SEED, Request, RequestError, Result
from runtime.script_table import PROMPTS

_POSITIONS = ("start", "end")


def _truth(text: str) -> bool:
    return text.strip().lower() in ("true", "yes", "1", "on")


#: words of A1111's lines, and how their values are read
_FIELDS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("prompt", "negative_prompt", "sampler_name", "sampler_index", "sd_model", "scheduler"), str),
    **dict.fromkeys(("seed", "subseed", "seed_resize_from_h", "seed_resize_from_w"), int),
    **dict.fromkeys(("batch_size", "n_iter", "steps", "width", "height"), int),
    **dict.fromkeys(("subseed_strength", "cfg_scale"), float),
    **dict.fromkeys(("restore_faces", "tiling", "do_not_save_samples", "do_not_save_grid"), _truth),
    **dict.fromkeys(("outpath_samples", "outpath_grids", "styles", "prompt_for_display"), str),
}
#: where a word has another name in a request
_NAMES = {"sd_model": "checkpoint", "sampler_index": "sampler_name"}
#: the words that several words of a line may follow
_LONG = ("prompt", "negative_prompt")
#: what a line cannot set here, though A1111's can
_UNHEEDED = ("outpath_samples", "outpath_grids", "styles", "prompt_for_display")


def run(request: Request, bench: Bench) -> Result:
    """All pictures, line by line; the seed goes on from line to line where that is wanted."""
    iterate, same, position, text = _given(request)
    if request.seed == -1 and (iterate or same):
        request = replace(request, seed=random.randrange(LARGEST_SEED))
    requests: list[Request] = []
    for number, line in _lines(str(text or "")):
        one = _request(request, number, line, str(position), bench)
        requests.append(replace(one, save_grid=False))
        if iterate:
            request = replace(request, seed=request.seed + one.batch_size * one.n_iter)
    if not requests:
        raise RequestError("no-prompts", "The list of prompts is empty.", "Write one prompt a line.")
    bench.expect(requests)
    results: list[Result] = []
    for one in requests:
        results.append(bench.draw(with_seed(one)))
        if bench.stopped:
            break
    return bench.finished([picture for result in results for picture in own_pictures(result)])


def _given(request: Request) -> tuple[Any, ...]:
    """Older clients send no position: (iterate, same seed, prompts)."""
    args = request.script.args if request.script else ()
    if len(args) == 3 and args[2] not in _POSITIONS:
        args = (*args[:2], "start", args[2])
    return script_table.arguments(PROMPTS, args)


def _lines(text: str) -> list[tuple[int, str]]:
    """(number from 1, line) of those that say something."""
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _request(request: Request, number: int, line: str, position: str, bench: Bench) -> Request:
    fields: dict[str, Any] = parse_line(line, number) if line.startswith("--") else {"prompt": line}
    for name in _UNHEEDED:
        if name in fields:
            del fields[name]
            bench.comments.append(f"Line {number}: --{name} is not heeded.")
    if fields.pop("do_not_save_samples", False):
        fields["save"] = False
    fields.pop("do_not_save_grid", None)
    for name in _LONG:
        own = getattr(request, name)
        if fields.get(name) and own:
            fields[name] = f"{fields[name]} {own}" if position == "start" else f"{own} {fields[name]}"
    return replace(request, **{_NAMES.get(name, name): value for name, value in fields.items()})


def parse_line(line: str, number: int = 1) -> dict[str, Any]:
    """`--prompt a cat --steps 20` as fields; RequestError `line-unreadable` names the line."""
    try:
        words = shlex.split(line)
    except ValueError:  # an apostrophe is no quotation mark
        words = line.split()
    fields: dict[str, Any] = {}
    place = 0
    while place < len(words):
        name = words[place].removeprefix("--")
        if not words[place].startswith("--") or name not in _FIELDS:
            hint = f"A line is a prompt, or names fields: {', '.join(f'--{one}' for one in _FIELDS)}."
            raise RequestError("line-unreadable", f"Line {number} has an unknown word {words[place]!r}.", hint)
        end = place + 2
        while name in _LONG and end < len(words) and not words[end].startswith("--"):
            end += 1
        text = " ".join(words[place + 1 : end])
        try:
            fields[name] = _FIELDS[name](text)
        except ValueError as wrong:
            message = f"Line {number}: {text!r} is no value for --{name}."
            raise RequestError("line-unreadable", message, "Give a number.") from wrong
        place = end
    return fields
