"""`gesso stop`: end what runs."""

from __future__ import annotations

from launcher.core import running
from launcher.core.text import t
from launcher.verb import DONE, Call, Verb


def _stop(call: Call) -> int:
    stopped = running.stop(call.workspace)
    if call.printer.json:
        call.printer.answer({"stopped": stopped})
    else:
        call.printer.result(t("Stopped.") if stopped else t("Nothing is running."))
    return DONE


VERB = Verb(_stop)
