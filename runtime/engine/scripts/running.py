"""A request with a script, from its title to its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.scripts import loopback, matrix, plot, prompts, sd_upscale
from runtime.engine.scripts.bench import Bench
from runtime.engine.watch import Step, Wish
from runtime.request import Request, Result
from runtime.script_table import find_script

RUNS: Mapping[str, Callable[[Request, Bench], Result]] = {
    "X/Y/Z plot": plot.run,
    "Prompt matrix": matrix.run,
    "Prompts from file or textbox": prompts.run,
    "SD upscale": sd_upscale.run,
    "Loopback": loopback.run,
}


def draw_request(request: Request, easel: Easel, report: Callable[[Step], None], wish: Callable[[], Wish]) -> Result:
    """Like `generate`, through the request's script where it names one; RequestError `script-unknown`."""
    if request.script is None or not request.script.name.strip():
        return generate(request, easel, report, wish)
    script = find_script(request.script.name, request.start is not None)
    home = easel.model.path

    def draw(one: Request, tell: Callable[[Step], None]) -> Result:
        if one.checkpoint is None:
            easel.return_to(home)
        return generate(one, easel, tell, wish)

    bench = Bench(draw, report, wish, easel.outputs, easel.enlarger, easel.model.traits.native)
    return RUNS[script.title](request, bench)
