"""`gesso install`: install what is missing."""

from __future__ import annotations

from launcher.carrying import add_choices, agreed, carry_out, proposed
from launcher.core.text import t
from launcher.verb import DONE, Call, Verb


def _install(call: Call) -> int:
    plan = proposed(call, keeping=False).plan
    if plan.missing and not agreed(call, plan):
        return call.declined()
    carry_out(call, plan)
    if not call.printer.json:
        call.printer.result(t("Everything is installed."))
    return DONE


VERB = Verb(_install, add_choices)
