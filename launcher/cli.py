"""Every verb without a screen: asks core, prints what it yields, and says by its exit code how it went."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from launcher.arguments import Arguments, UsageError, read_arguments, read_globals, short_help
from launcher.core import hardware, running
from launcher.core.environments import installed
from launcher.core.errors import LauncherError
from launcher.core.install import install
from launcher.core.paths import Workspace, find_workspace
from launcher.core.plan import Installed, Options, Plan
from launcher.core.ports import PortTakenError
from launcher.core.proposal import Proposal, propose
from launcher.core.text import Text, t
from launcher.descriptions import of_machine, of_plan, of_status
from launcher.language import choose_language, read_saved_language, translator
from launcher.printing import Printer
from launcher.serving import Server, signals_cancel

#: opens the interface with the options given; the exit code
Interface = Callable[[Workspace, str, Options], int]
DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True)
class Call:
    """One call of the command line."""

    arguments: Arguments
    workspace: Workspace
    language: str
    printer: Printer

    @property
    def asks(self) -> bool:
        """May a question be asked?"""
        return not self.arguments.yes and not self.arguments.json and at_terminal()


def main(words: Sequence[str], interface: Interface) -> int:
    """Do what `words` say, or open the `interface`; the exit code."""
    first = read_globals(words)
    # Until the workspace is found, its saved language is not known.
    printer = _printer(first, _language(first))
    try:
        workspace = find_workspace(getattr(first, "root", None), os.environ)
        language = _language(first, read_saved_language(workspace.config_file))
        printer = _printer(first, language)
        arguments = read_arguments(list(words), translator(language))
        return _dispatch(Call(arguments, workspace, language, printer), interface)
    except UsageError as error:
        printer.error(error)
        return USAGE
    except LauncherError as error:
        printer.error(error)
        return INTERRUPTED if error.code == "interrupted" else FAILED


def _language(first: Namespace, saved: str | None = None) -> str:
    return choose_language(getattr(first, "lang", None), os.environ, saved)


def _printer(first: Namespace, language: str) -> Printer:
    json_lines, quiet = getattr(first, "json", False), getattr(first, "quiet", False)
    return Printer(translator(language), json_lines=json_lines, quiet=quiet)


def at_terminal() -> bool:
    """Is there a person on both ends?"""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def _dispatch(call: Call, interface: Interface) -> int:
    arguments = call.arguments
    if arguments.version:
        call.printer.result(_version())
        return DONE
    if arguments.verb is None or (arguments.from_install and call.asks):
        if at_terminal():
            return interface(call.workspace, call.language, arguments.options)
        sys.stderr.write(short_help(translator(call.language)) + "\n")
        return USAGE
    return _VERBS[arguments.verb](call)


def _hardware(call: Call) -> int:
    file = call.arguments.simulate
    machine = hardware.simulate(file) if file else hardware.look(call.workspace.root)
    if call.printer.json:
        call.printer.answer(machine.to_json())
    else:
        for line in of_machine(machine):
            call.printer.result(line)
    return DONE


def _plan(call: Call) -> int:
    plan = _propose(call).plan
    if call.printer.json:
        call.printer.answer(plan.to_json(translator(call.language)))
    else:
        for line in of_plan(plan):
            call.printer.result(line)
    return DONE


def _install(call: Call) -> int:
    plan = _propose(call).plan
    if plan.missing and not _agreed(call, plan):
        return DONE
    _carry_out(call, plan)
    if not call.printer.json:
        call.printer.result(t("Everything is installed."))
    return DONE


def _up(call: Call) -> int:
    proposal = _propose(call)
    if running.find_running(call.workspace) is None and proposal.plan.missing:
        if not _agreed(call, proposal.plan):
            return DONE
        _carry_out(call, proposal.plan)
        proposal = _propose(call)
    return _serve(call, proposal)


def _launch(call: Call) -> int:
    return _serve(call, _propose(call))


def _serve(call: Call, proposal: Proposal) -> int:
    """Launch; when the port is taken and there is somebody to ask, offer the next one."""
    one_object = call.printer.json and call.arguments.verb == "launch"
    try:
        return Server(call.workspace, call.printer, one_object=one_object).serve(proposal.options, proposal.plan)
    except PortTakenError as taken:
        question = t("{taken} Take port {free} instead?", taken=taken.message, free=taken.free)
        if taken.free is None or not call.asks or not _yes(call, question):
            raise
        options = replace(proposal.options, port=taken.free)
        return Server(call.workspace, call.printer, one_object=one_object).serve(options, proposal.plan)


def _carry_out(call: Call, plan: Plan) -> None:
    with signals_cancel() as cancel:
        for event in install(plan, call.workspace, cancel=cancel):
            call.printer.event(event)


def _agreed(call: Call, plan: Plan) -> bool:
    """Show the plan; where somebody can answer, ask."""
    if call.printer.json:
        return True
    for line in of_plan(plan):
        call.printer.aside(line)
    return not call.asks or _yes(call, t("Shall this be done?"))


def _yes(call: Call, question: Text) -> bool:
    """Enter means yes."""
    sys.stderr.write(call.printer.text(question) + " [Y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("", "y", "yes", "是")


def _status(call: Call) -> int:
    status = running.status(call.workspace)
    if call.printer.json:
        call.printer.answer(asdict(status))
    else:
        call.printer.result(of_status(status))
    return DONE


def _stop(call: Call) -> int:
    stopped = running.stop(call.workspace)
    if call.printer.json:
        call.printer.answer({"stopped": stopped})
    else:
        call.printer.result(t("Stopped.") if stopped else t("Nothing is running."))
    return DONE


def _propose(call: Call) -> Proposal:
    file = call.arguments.simulate
    machine = hardware.simulate(file) if file else None
    # A simulated computer has nothing installed; what is installed here says nothing about it.
    here = Installed() if machine else installed(call.workspace)
    return propose(call.workspace, call.arguments.options, here, machine=machine)


def _version() -> str:
    # Slow to import, and asked for seldom.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"gesso {version('gesso')}"
    except PackageNotFoundError:
        return "gesso (not installed as a package)"


_VERBS: dict[str, Callable[[Call], int]] = {
    "up": _up, "plan": _plan, "install": _install, "launch": _launch, "status": _status, "stop": _stop,
    "hardware": _hardware,
}  # fmt: skip
