"""`gesso hardware`: this computer, or the one to simulate."""

from __future__ import annotations

from launcher.core.hardware import look as hardware
from launcher.machine_description import of_machine
from launcher.verb import DONE, Call, Verb, Words


def _hardware(call: Call) -> int:
    file = call.arguments.simulate
    machine = hardware.simulate(file) if file else hardware.look(call.workspace.root)
    if call.printer.json:
        call.printer.answer(machine.to_json())
    else:
        for line in of_machine(machine):
            call.printer.result(line)
    return DONE


VERB = Verb(_hardware, Words.simulate)
