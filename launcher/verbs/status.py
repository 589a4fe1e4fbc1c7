"""`gesso status`: what runs, and where."""

from __future__ import annotations

from dataclasses import asdict

from launcher.core import running
from launcher.descriptions import of_status
from launcher.verb import DONE, Call, Verb


def _status(call: Call) -> int:
    status = running.status(call.workspace)
    if call.printer.json:
        call.printer.answer(asdict(status))
    else:
        call.printer.result(of_status(status))
    return DONE


VERB = Verb(_status)
