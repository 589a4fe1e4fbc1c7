"""Prompt matrix: `a|b|c` draws a alone, a with b, a with c, and a with both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runtime import script_table
from runtime.engine.scripts.bench import Bench, check_grid, opened, own_pictures, with_notes, with_seed
from runtime.engine.scripts.legend import Label, Words, grid_with_legend
from runtime.request import Request, RequestError, Result
from runtime.script_table import MATRIX

#: 2 to the power of this many pictures
_MOST_PARTS = 9
_JOINTS = {"comma": ", ", "space": " "}


def run(request: Request, bench: Bench) -> Result:
    """The grid with its legend, then every picture."""
    given = script_table.arguments(MATRIX, request.script.args if request.script else ())
    at_start, other_seeds, which, joint, margin = given
    joint = _JOINTS.get(str(joint), ", ")
    request = with_seed(request)
    negative = str(which).lower() == "negative"
    first, *parts = (request.negative_prompt if negative else request.prompt).split("|")
    if len(parts) > _MOST_PARTS:
        hint = f"At most {_MOST_PARTS} may be switched on and off."
        raise RequestError("too-many", f"The prompt has {len(parts)} parts between bars.", hint)
    prompts = [_joined(first, parts, number, joint, at_start) for number in range(2 ** len(parts))]
    requests = [
        replace(
            request,
            prompt=request.prompt if negative else prompt,
            negative_prompt=prompt if negative else request.negative_prompt,
            seed=request.seed + (k if other_seeds else 0),
            batch_size=1,
            n_iter=1,
            save_grid=False,
        )
        for k, prompt in enumerate(prompts)
    ]
    bench.expect(requests)
    check_grid(len(requests), request.width or bench.native[0], request.height or bench.native[1])
    drawn: list[Result] = []
    for one in requests:
        drawn.append(bench.draw(one))
        if bench.stopped:
            break
    pictures = [picture for result in drawn for picture in own_pictures(result)]
    if len(pictures) < len(requests):  # a grid with holes would put pictures under the wrong words
        return bench.finished(pictures)
    columns, rows = legend(parts)
    grid = grid_with_legend([opened(picture) for picture in pictures], columns, rows, margin)
    infotext = with_notes(pictures[0].infotext, {"Script": MATRIX.title})
    return bench.finished([bench.keep_grid(grid, infotext, request, "prompt_matrix"), *pictures], 1)


def _joined(first: str, parts: Sequence[str], number: int, joint: str, at_start: bool) -> str:
    """The parts whose bit is set in `number`, with the first one."""
    chosen = [part.strip().strip(",") for k, part in enumerate(parts) if number >> k & 1]
    first = first.strip().strip(",")
    return joint.join(part for part in ([*chosen, first] if at_start else [first, *chosen]) if part)


def legend(parts: Sequence[str]) -> tuple[list[Label], list[Label]]:
    """(columns, rows): the first half of the parts goes across, the second down; what is left out is struck through."""
    middle = (len(parts) + 1) // 2
    return _labels(parts[:middle]), _labels(parts[middle:])


def _labels(parts: Sequence[str]) -> list[Label]:
    return [
        tuple(Words(part.strip(), active=bool(number >> k & 1)) for k, part in enumerate(parts))
        for number in range(2 ** len(parts))
    ]
