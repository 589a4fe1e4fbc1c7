"""The X/Y/Z plot: a picture for each combination of values, laid out as a grid with a legend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from PIL import Image

from runtime import script_table
from runtime.engine.grids import image_grid
from runtime.engine.scripts.axes import Filled, fill
from runtime.engine.scripts.bench import Bench, check_grid, opened, own_pictures, with_notes, with_seed
from runtime.engine.scripts.legend import Words, grid_with_legend
from runtime.request import Picture, Request, Result
from runtime.script_table import XYZ, find_axis

#: places of the cell on x, y and z
Place = tuple[int, int, int]


@dataclass(frozen=True)
class Plot:
    """What the script's arguments say."""

    x: Filled
    y: Filled
    z: Filled
    legend: bool
    lone_images: bool
    sub_grids: bool
    keep_random: bool
    #: the seed grows from cell to cell along these
    vary: tuple[bool, bool, bool]
    margin: int

    @classmethod
    def read(cls, request: Request) -> Plot:
        given = script_table.arguments(XYZ, request.script.args if request.script else ())
        img2img, keep_random = request.start is not None, given[12]
        x, y, z = (
            fill(find_axis(given[k] or "Nothing", img2img), given[k + 1], given[k + 2], keep_random, given[17])
            for k in (0, 3, 6)
        )
        return cls(
            x,
            y,
            z,
            legend=given[9],
            lone_images=given[10],
            sub_grids=given[11],
            keep_random=keep_random,
            vary=(given[13], given[14], given[15]),
            margin=given[16],
        )

    @property
    def axes(self) -> tuple[Filled, Filled, Filled]:
        return self.x, self.y, self.z

    def cells(self, request: Request) -> dict[Place, Request]:
        """Every cell's request, in the order in which they are best drawn: dear changes seldom."""
        counts = [range(len(axis.values)) for axis in self.axes]
        places = sorted(product(*counts), key=lambda place: [place[k] for k in self._dearest_first()])
        return {(x, y, z): self._request(request, (x, y, z)) for x, y, z in places}

    def _dearest_first(self) -> list[int]:
        """z before y before x where they cost the same."""
        return sorted(range(3), key=lambda k: (-self.axes[k].cost, -k))

    def _request(self, request: Request, place: Place) -> Request:
        for axis, number in zip(self.axes, place, strict=True):
            request = axis.apply(request, axis.values[number])
        step, grown = 1, 0
        for axis, number, vary in zip(self.axes, place, self.vary, strict=True):
            if vary:
                grown += number * step
                step *= len(axis.values)
        return replace(request, seed=request.seed + grown) if request.seed != -1 else request

    def notes(self) -> dict[str, str]:
        """For the grid's infotext."""
        found = {"Script": XYZ.title}
        for letter, axis in zip("XYZ", self.axes, strict=True):
            if axis.info.label != "Nothing":
                found[f"{letter} Type"] = axis.info.label
                found[f"{letter} Values"] = ", ".join(map(_written, axis.values))
        return found


def _written(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) and isinstance(value[0], int) else str(value)


def run(request: Request, bench: Bench) -> Result:
    """The grid, the planes of z where there are several and they are wanted, the pictures where they are wanted."""
    plot = Plot.read(request)
    if not plot.keep_random:
        request = with_seed(request)
    cells = plot.cells(request)
    bench.expect(tuple(cells.values()))
    check_grid(len(cells), request.width or bench.native[0], request.height or bench.native[1])
    drawn: dict[Place, Result] = {}
    for place, cell in cells.items():
        drawn[place] = bench.draw(cell)
        if bench.stopped:
            break
    grids = _keep_grids(plot, drawn, bench, request)
    lone = [picture for place in sorted(drawn, key=_in_reading_order) for picture in own_pictures(drawn[place])]
    return bench.finished([*grids, *(lone if plot.lone_images else ())], len(grids))


def _in_reading_order(place: Place) -> Place:
    return place[2], place[1], place[0]


def _keep_grids(plot: Plot, drawn: dict[Place, Result], bench: Bench, request: Request) -> list[Picture]:
    """[whole, planes …]; empty where nothing was drawn."""
    first = next((picture for result in drawn.values() for picture in result.pictures), None)
    if first is None:
        return []
    planes = list(_planes(plot, drawn, opened(first).size))
    infotext = with_notes(first.infotext, plot.notes())
    whole = planes[0]
    if len(planes) > 1:
        labels = [(Words(plot.z.label(value) if plot.legend else ""),) for value in plot.z.values]
        whole = grid_with_legend(planes, labels, [()], plot.margin)
    kept = [bench.keep_grid(whole, infotext, request, "xyz_grid")]
    if len(planes) > 1 and plot.sub_grids:
        kept += [bench.keep_grid(plane, infotext, request, "xyz_grid") for plane in planes]
    return kept


def _planes(plot: Plot, drawn: dict[Place, Result], size: tuple[int, int]) -> Iterator[Image.Image]:
    """A grid for each value of z; cells that were not drawn are empty."""
    columns = [(Words(plot.x.label(value)),) for value in plot.x.values]
    rows = [(Words(plot.y.label(value)),) for value in plot.y.values]
    for z in range(len(plot.z.values)):
        places = [(x, y, z) for y in range(len(rows)) for x in range(len(columns))]
        images = [_cell(drawn.get(place), size) for place in places]
        if plot.legend:
            yield grid_with_legend(images, columns, rows, plot.margin)
        else:
            yield image_grid(images, len(rows), margin=plot.margin)


def _cell(result: Result | None, size: tuple[int, int]) -> Image.Image:
    """A batch's own grid where it has one, else its first picture."""
    if result is None or not result.pictures:
        return Image.new("RGB", size, "white")
    return opened(result.pictures[0])
