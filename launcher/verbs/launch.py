"""`gesso launch`: start what is installed."""

from __future__ import annotations

from launcher.carrying import add_choices, add_detach, add_serving, proposed, serve
from launcher.verb import Call, Verb, Words


def _words(words: Words) -> None:
    add_choices(words)
    add_serving(words)
    add_detach(words)


def _launch(call: Call) -> int:
    return serve(call, proposed(call))


VERB = Verb(_launch, _words, serves=True)
