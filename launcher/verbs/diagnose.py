"""`gesso diagnose`: a log in, findings out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from launcher.core.diagnosis.advice import Advice
from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.diagnosis.diagnose import diagnose_batches, diagnose_file
from launcher.core.diagnosis.reading import lines_of
from launcher.core.hardware import look as hardware
from launcher.core.mends.mend import Here
from launcher.core.paths import written_path
from launcher.core.text import t
from launcher.verb import DONE, FAILED, Call, UsageError, Verb, Words


def _diagnose(call: Call) -> int:
    if call.arguments.words.fix and call.arguments.simulate:
        raise UsageError(t("--fix mends this computer, so it does not go with --simulate."))
    found = _read(call.arguments.words.log, _circumstances(call))
    if not call.printer.json:
        for number, advice in enumerate(found, 1):
            _show(call, number, advice)
        if not found:
            call.printer.result(t("Nothing in this log is a problem."))
    answer: dict[str, Any] = {"findings": [record(call, advice) for advice in found]}
    code = DONE
    if call.arguments.words.fix:
        code, told = _mend(call, found)
        answer |= told
    if call.printer.json:
        call.printer.answer(answer)
    return code


def _mend(call: Call, found: tuple[Advice, ...]) -> tuple[int, dict[str, Any]]:
    """The first finding that has one; the others are often its consequences."""
    from launcher.mending import Mending

    mending = Mending(call, Here(call.workspace, os.environ))
    mendable = next((advice for advice in found if advice.mend is not None), None)
    if mendable is None:
        if not call.printer.json:
            call.printer.aside(t("Gesso has no mend for this."))
        return (FAILED if found else DONE), mending.record()
    well = mending.mend_finding(mendable)
    return (DONE if well else FAILED), mending.record()


def _read(log: str, circumstances: Circumstances) -> tuple[Advice, ...]:
    if log == "-":
        return diagnose_batches(lines_of(sys.stdin.buffer), circumstances)
    return diagnose_file(written_path(log), circumstances)


def _circumstances(call: Call) -> Circumstances:
    file: Path | None = call.arguments.simulate
    return Circumstances(hardware.simulate(file)) if file else Circumstances()


def record(call: Call, advice: Advice) -> dict[str, Any]:
    """A finding as scripts know it."""
    cause = " ".join(call.printer.text(each) for each in (advice.cause, advice.detail) if each)
    return {
        "slug": advice.slug, "severity": advice.severity, "line": advice.line, "cause": cause,
        "fix": [call.printer.text(step) for step in advice.steps], "automatic": advice.mend is not None,
        "quote": call.printer.text(advice.quote), "mend": advice.mend, "links": list(advice.links),
        "values": dict(advice.values),
    }  # fmt: skip


def _show(call: Call, number: int, advice: Advice) -> None:
    say, text = call.printer.result, call.printer.text
    say(t("{number}. {title}  [{slug}]", number=number, title=advice.title, slug=advice.slug))
    lines = [t("Line {line}: {quote}", line=advice.line, quote=advice.quote[:200]), advice.cause, advice.detail]
    if advice.mend:
        lines.append(t("Gesso has a mend for this: --fix looks whether it can be done here."))
    for line in filter(None, lines):
        say(f"   {text(line)}")
    for step in advice.steps:
        say(f"   - {text(step)}")
    for link in advice.links:
        say(f"   {link}")


def _words(words: Words) -> None:
    words.add("log", t("the log's file; - reads what is piped in"), metavar="FILE")
    words.add("--fix", t("do the mend of the first finding that has one: it is shown, asked, and can be taken back"),
              action="store_true")  # fmt: skip
    words.yes()
    words.simulate()


VERB = Verb(_diagnose, _words)
