"""`gesso plan`: what `up` would do, and why; changes nothing."""

from __future__ import annotations

from launcher.carrying import add_choices, add_serving, proposed
from launcher.descriptions import of_plan
from launcher.verb import DONE, Call, Verb, Words


def _words(words: Words) -> None:
    add_choices(words)
    add_serving(words)
    words.simulate()


def _plan(call: Call) -> int:
    plan = proposed(call).plan
    if call.printer.json:
        call.printer.answer(plan.to_json(call.translate))
    else:
        for line in of_plan(plan):
            call.printer.result(line)
    return DONE


VERB = Verb(_plan, _words, serves=True)
