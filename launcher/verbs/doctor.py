"""`gesso doctor`: looks at everything that is known to break; with --fix each mend is shown, asked and done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from launcher.core.doctor.check import Checked
from launcher.core.doctor.examine import CHECKS, Check, examine
from launcher.core.mends import MENDS, journal
from launcher.core.mends.mend import Here
from launcher.core.text import Text, moment, t
from launcher.mending import Mending, change_record
from launcher.serving import signals_cancel
from launcher.verb import DONE, FAILED, Call, UsageError, Verb, Words

#: a sign and a word for each state, because not everybody sees colours
_STATES = {True: ("+", t("fine")), False: ("!", t("WRONG")), None: ("-", t("no verdict"))}
_NOT_HERE = ("-", t("does not apply"))


def _add(words: Words) -> None:
    names = ", ".join(check.name for check in CHECKS)
    words.add("names", t("only these checks: {names}", names=names), nargs="*", metavar="CHECK")
    words.add("--fix", t("mend what can be mended: each mend is shown, asked, checked, and can be taken back"),
              action="store_true")  # fmt: skip
    words.add("--undo", t("take back the mend of this number"), metavar="N")
    words.add("--list", t("what was mended here, with its numbers"), action="store_true")
    words.yes()


def _run(call: Call) -> int:
    words = call.arguments.words
    if sum((words.fix, words.undo is not None, words.list)) > 1:
        raise UsageError(t("--fix, --undo and --list exclude each other."))
    here = Here(call.workspace, os.environ)
    if words.list:
        return _list(call, here)
    if words.undo is not None:
        return _undo(call, here, words.undo)
    checks = _chosen(words.names)
    found = _in_order(examine(here, checks))
    if not call.printer.json:
        _show(call, [each for each in found if each.applies or words.names])
    mending = Mending(call, here)
    if words.fix:
        found = mending.mend_all(found)
    if call.printer.json:
        answer: dict[str, Any] = {"checks": [_record(call, each) for each in found]}
        call.printer.answer(answer | (mending.record() if words.fix else {}))
    elif words.fix:
        mending.sum_up(found)
    else:
        _sum_up(call, found)
    return FAILED if any(each.ok is False for each in found) else DONE


def _chosen(names: list[str]) -> tuple[Check, ...]:
    known = {check.name: check for check in CHECKS}
    for name in names:
        if name not in known:
            raise UsageError(t("There is no check {name}; there are: {names}.", name=name, names=", ".join(known)))
    return tuple(known[name] for name in dict.fromkeys(names)) or CHECKS


def _in_order(found: Iterator[Checked]) -> list[Checked]:
    order = [check.name for check in CHECKS]
    return sorted(found, key=lambda one: order.index(one.name))


def _show(call: Call, found: list[Checked]) -> None:
    """Those that are well are left out of what matters."""
    quiet = call.arguments.quiet
    for one in (each for each in found if each.ok is False or not quiet):
        for line in lines_of(one):
            call.printer.result(line)


def lines_of(one: Checked) -> Iterator[Text]:
    """What is found, and below it what can be done."""
    sign, state = _STATES[one.ok] if one.applies else _NOT_HERE
    yield t("{sign} {state}  {title}: {detail}", sign=sign, state=state, title=one.title, detail=one.detail)
    if one.fix is not None:
        yield t("    → {fix}", fix=one.fix) if one.ok is False else t("    ({fix})", fix=one.fix)


def _sum_up(call: Call, found: list[Checked]) -> None:
    counts = {state: sum(each.ok is state for each in found) for state in _STATES}
    call.printer.aside(
        t(
            "{count} checks: {fine} fine, {wrong} wrong, {unknown} that do not apply or could not be told.",
            count=len(found),
            fine=counts[True],
            wrong=counts[False],
            unknown=counts[None],
        )
    )
    mendable = [call.printer.text(each.title) for each in found if each.ok is False and each.mend in MENDS]
    if mendable:
        text = t("Gesso has a mend for: {names}. `gesso doctor --fix` shows each and asks.", names=", ".join(mendable))
        call.printer.aside(text)


def _record(call: Call, one: Checked) -> dict[str, Any]:
    return {
        "name": one.name,
        "ok": one.ok,
        "applies": one.applies,
        "detail": call.printer.text(one.detail),
        "fix": call.printer.text(one.fix) if one.fix else None,
        "title": call.printer.text(one.title),
        "mend": one.mend,
        "values": dict(one.values),
    }


def _list(call: Call, here: Here) -> int:
    entries = journal.done(here)
    if call.printer.json:
        records = [
            {
                "number": each.number,
                "mend": each.name,
                "title": call.printer.text(each.title),
                "at": each.at,
                "undone": each.undone,
                "begun": each.begun,
                "reversible": each.reversible,
                "changes": [change_record(call, change) for change in each.changes],
            }
            for each in entries
        ]
        call.printer.answer({"mended": records})
        return DONE
    if not entries:
        call.printer.result(t("Nothing was mended here yet."))
    for each in entries:
        state = _state(each)
        call.printer.result(t("{number}  {title} ({state}, {when})", number=each.number, title=each.title, state=state,
                              when=moment(each.at)))  # fmt: skip
    return DONE


def _state(one: journal.Done) -> Text:
    if one.undone:
        return t("taken back")
    if one.begun:
        return t("ended in the middle; --undo takes back what was done")
    return t("in force") if one.reversible else t("cannot be taken back")


def _undo(call: Call, here: Here, word: str) -> int:
    if not word.isdecimal():
        raise UsageError(t("--undo needs a number, as `gesso doctor --list` shows them, not {word}.", word=word))
    with signals_cancel():
        call.through(journal.undo(here, int(word)))
    if call.printer.json:
        call.printer.answer({"undone": int(word)})
    else:
        call.printer.result(t("What mend {number} did is taken back.", number=int(word)))
    return DONE


VERB = Verb(_run, _add)
