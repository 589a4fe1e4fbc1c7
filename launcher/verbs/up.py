"""`gesso up`: install what is missing, start, print the address."""

from __future__ import annotations

from launcher.carrying import add_choices, add_detach, add_serving, agreed, carry_out, proposed, serve
from launcher.core import running
from launcher.verb import Call, Verb, Words


def _words(words: Words) -> None:
    add_choices(words)
    add_serving(words)
    add_detach(words)


def _up(call: Call) -> int:
    proposal = proposed(call)
    missing = proposal.plan.missing
    if running.find_running(call.workspace) is None and (missing or call.arguments.options.pack):
        if missing and not agreed(call, proposal.plan):
            return call.declined()
        carry_out(call, proposal.plan)
        proposal = proposed(call)
    return serve(call, proposal)


VERB = Verb(_up, _words, serves=True)
