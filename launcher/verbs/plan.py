"""`gesso plan`: what `up` would do, and why; changes nothing."""

from __future__ import annotations

from launcher.carrying import add_choices, add_serving, proposed
from launcher.core.errors import LauncherError
from launcher.core.memory.choose import MODEL_FAMILIES, parse_size
from launcher.core.text import t
from launcher.descriptions import of_command, of_plan
from launcher.verb import DONE, Call, UsageError, Verb, Words


def _words(words: Words) -> None:
    add_choices(words)
    add_serving(words)
    words.simulate()
    words.add("--family", t("plan the memory for this kind of model"), type=_family, metavar="|".join(MODEL_FAMILIES))
    words.add("--size", t("plan the memory for a picture of this size"), type=_size, metavar="WxH")


def _family(word: str) -> str:
    if word not in MODEL_FAMILIES:
        known = ", ".join(MODEL_FAMILIES)
        raise UsageError(t('--family needs one of {families}, not "{word}".', families=known, word=word))
    return word


def _size(word: str) -> tuple[int, int]:
    try:
        return parse_size(word)
    except LauncherError as unknown:
        raise UsageError(unknown.message, unknown.hint) from None


def _plan(call: Call) -> int:
    proposal = proposed(call)
    plan, command = proposal.plan, proposal.command if proposal.plan.torch.tag else None
    if call.printer.json:
        words, variables = (list(command.shown), command.shown_variables) if command else ([], {})
        call.printer.answer(plan.to_json(call.translate) | {"command": words, "variables": variables})
    else:
        for line in (*of_plan(plan), *(of_command(command) if command else ())):
            call.printer.result(line)
    return DONE


VERB = Verb(_plan, _words, serves=True)
