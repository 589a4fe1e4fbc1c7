"""`gesso report FILE`: one bundle to attach to a question, shown before it is written."""

from __future__ import annotations

import os

from launcher.amounts import in_bytes
from launcher.core.doctor.examine import examine
from launcher.core.mends.mend import Here
from launcher.core.paths import written_path
from launcher.core.report.bundle import as_json, check_free, write
from launcher.core.report.report import Report, gather
from launcher.core.text import t
from launcher.verb import DONE, Call, Verb, Words


def _words(words: Words) -> None:
    words.add("file", t("the new file, a zip; nothing is ever written over"), metavar="FILE")
    words.add("--show", t("print the text of every file in it, and write nothing"), action="store_true")
    words.yes()


def _report(call: Call) -> int:
    target = written_path(call.arguments.words.file)
    if not call.arguments.words.show:
        check_free(target)
    here = Here(call.workspace, os.environ)
    report = call.through(gather(call.workspace, call.arguments.options, os.environ, examine(here)))
    if call.arguments.words.show:
        return _shown(call, report)
    return _written(call, report, str(target))


def _shown(call: Call, report: Report) -> int:
    if call.printer.json:
        call.printer.answer({"files": [{**each, "text": part.text}
                                       for each, part in zip(as_json(report), report.parts, strict=True)]})  # fmt: skip
        return DONE
    for part in report.parts:
        call.printer.result(t("=== {name}: {what}", name=part.name, what=part.what))
        for line in part.text.splitlines():
            call.printer.result(line)
    return DONE


def _written(call: Call, report: Report, target: str) -> int:
    if not call.printer.json:
        call.printer.aside(t("This would be in it; --show prints every text:"), always=call.asks)
        for part in report.parts:
            call.printer.aside(
                t("  {name}  {size}  {what}", name=part.name, size=in_bytes(part.size), what=part.what),
                always=call.asks,
            )
        removed = t(
            "Your name, the home folder, addresses, passwords and tokens are taken out where they are recognised; "
            "prompts, names of models and folders and other people's names are not: look it through first."
        )
        call.printer.aside(removed, always=call.asks)
    if not call.agrees(t("Write it to {path}?", path=target)):
        return call.declined()
    path = write(report, target)
    if call.printer.json:
        call.printer.answer({"report": str(path), "files": as_json(report)})
    else:
        call.printer.result(t("The report is in {path}", path=path))
    return DONE


VERB = Verb(_report, _words)
