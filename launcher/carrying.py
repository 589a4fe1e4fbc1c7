"""What several verbs do: propose a plan, show it and ask, carry it out, serve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from launcher.core import running
from launcher.core.environments.environments import installed
from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.hardware import look as hardware
from launcher.core.memory.choose import next_step_down, step_down_words
from launcher.core.pack.use import install_with, propose_with
from launcher.core.paths import written_path
from launcher.core.plan.plan import Plan
from launcher.core.ports import PortTakenError
from launcher.core.proposal import Proposal
from launcher.core.text import t
from launcher.descriptions import of_plan
from launcher.serving import Server, signals_cancel
from launcher.verb import Call, UsageError, Words


def add_choices(words: Words) -> None:
    """The words that choose how to run."""
    words.add("--profile", t("a run profile: how to serve"), metavar="NAME")
    words.add("--memory", t("a memory profile: how to fit the card"), metavar="MODE")
    words.add("--gpu", t("the card to use"), metavar="INDEX|UUID")
    words.add(
        "--from",
        t("a pack (made by `gesso env freeze --pack`): nothing is fetched"),
        dest="pack",
        type=_folder,
        metavar="DIR",
    )
    words.yes()


def _folder(word: str) -> Path:
    return written_path(word).absolute()


def add_serving(words: Words) -> None:
    """The words that choose how to serve."""
    words.add("--port", t("the port to serve on; otherwise the first free one from 7860"), type=_port, metavar="N")
    words.add("--listen", t("let other computers in, with a password"), action="store_true")
    words.add("--share", t("a public link, with a password"), action="store_true")


def add_detach(words: Words) -> None:
    """The word that lets what was started run on."""
    words.add("--detach", t("return once it serves, and let it run"), action="store_true")


def proposed(call: Call, *, keeping: bool = True) -> Proposal:
    """The plan for this computer, or for the one to simulate; not `keeping`: whatever was switched to by hand."""
    file = call.arguments.simulate
    machine = hardware.simulate(file) if file else None
    # A simulated computer has nothing installed; what is installed here says nothing about it.
    here = Installed() if machine else installed(call.workspace)
    here = here if keeping else replace(here, wished=False)
    return propose_with(call.workspace, call.arguments.options, here, machine=machine)


def agreed(call: Call, plan: Plan) -> bool:
    """Show the plan; where somebody can answer, ask. A no is said to have been heard."""
    if call.printer.json:
        return True
    for line in of_plan(plan):
        call.printer.aside(line, always=call.asks)
    return call.agrees(t("Shall this be done?"))


def carry_out(call: Call, plan: Plan) -> None:
    """Install what is missing, showing how far it is."""
    with signals_cancel() as cancel:
        for event in install_with(plan, call.workspace, call.arguments.options.pack, cancel=cancel):
            call.printer.event(event)


def serve(call: Call, proposal: Proposal) -> int:
    """Launch; when the port is taken and there is somebody to ask, offer the next one. The exit code."""
    one_object = call.printer.json and call.arguments.verb == "launch"
    try:
        return Server(call.workspace, call.printer, one_object=one_object).serve(proposal.options, proposal.plan)
    except PortTakenError as taken:
        question = t("{taken} Take port {free} instead?", taken=taken.message, free=taken.free)
        if taken.free is None or not call.asks or not call.agrees(question):
            raise
        options = replace(proposal.options, port=taken.free)
        return Server(call.workspace, call.printer, one_object=one_object).serve(options, proposal.plan)
    except LauncherError as failed:
        below = next_step_down(proposal.plan.memory)
        if failed.code != "out-of-memory" or below is None or not call.asks:
            raise
        call.printer.aside(failed.message)
        if not call.agrees(t("{offer} Start again that way?", offer=step_down_words(proposal.plan.memory))):
            raise
        # a server without a model stays up where it was left alone
        running.stop(call.workspace)
        return serve(call, replace(proposal, plan=replace(proposal.plan, memory=below)))


def _port(word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise UsageError(t("--port needs a number from 1 to 65535, not {word}.", word=word))
    return int(word)
