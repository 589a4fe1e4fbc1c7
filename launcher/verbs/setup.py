"""`gesso setup`: the guided first install; here its questions as lines, for consoles and readers that need them so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from launcher.core.environments.environments import installed
from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, Ready
from launcher.core.network.mirrors import TITLES
from launcher.core.pack.use import install_with, propose_with
from launcher.core.proposal import Proposal
from launcher.core.running import stop
from launcher.core.serving.launch import launch
from launcher.core.setup.course import STEPS, Answers, after, before, keep, language_question, resumed
from launcher.core.setup.expectations import estimate
from launcher.core.setup.first_model import model_question, other_installs, take_model
from launcher.core.setup.found import duration, good_for, vram_of
from launcher.core.setup.network import measured, network_question, proxies_found, use_proxy
from launcher.core.setup.picture import draw, failure
from launcher.core.setup.places import find_places, place_question, take_place
from launcher.core.setup.question import Question
from launcher.core.text import Text, t
from launcher.descriptions import of_plan
from launcher.language import save_language, translator
from launcher.machine_description import of_machine
from launcher.printing import Printer
from launcher.serving import signals_cancel
from launcher.verb import DONE, FAILED, Call, Verb, Words

_KEYS = t("Enter: go on; b: back; q: leave, and go on here next time")


class _Back(Exception):  # noqa: N818 - no error
    """The step before, please."""


class _Leave(Exception):  # noqa: N818 - no error
    """Enough for today."""


class Lines:
    """One run through the steps. A step asks and does; what it is called with stays in `call`."""

    def __init__(self, call: Call) -> None:
        self.call, self.workspace = call, call.workspace
        self.answers = resumed(call.workspace)
        self.proposal: Proposal | None = None
        self.url, self.picture = "", ""
        self.steps: dict[str, Callable[[], None]] = {
            "language": self.language,
            "machine": self.machine,
            "network": self.network,
            "place": self.place,
            "plan": self.plan,
            "install": self.install,
            "model": self.model,
            "picture": self.draw,
            "done": self.done,
        }

    def run(self) -> int:
        """Until it is done or left; the exit code."""
        while True:
            step = self.answers.step
            self._remember(replace(self.answers, finished=step == "done"))
            number = list(STEPS).index(step) + 1
            self.say("", t("Step {number} of {count}: {title}", number=number, count=len(STEPS), title=STEPS[step]))
            try:
                self.steps[step]()
            except _Back:
                self.answers = replace(self.answers, step=before(step) or step)
                continue
            except _Leave:
                self.say(t("`gesso setup` goes on here."))
                return FAILED
            if step == "done":
                return DONE
            self.answers = replace(self.answers, step=after(step))

    # The steps

    def language(self) -> None:
        """Everything after it is said in it."""
        chosen = self.ask(language_question(self.call.language))
        call, translate = self.call, translator(chosen)
        printer = Printer(translate, json_lines=call.printer.json, quiet=call.arguments.quiet, redraws=False)
        self.call = replace(call, language=chosen, translate=translate, printer=printer)
        save_language(self.workspace, chosen)

    def machine(self) -> None:
        """What there is, and what it is good for."""
        proposal = self._propose()
        self.say(*of_machine(proposal.machine), "", good_for(proposal.machine, proposal.plan))
        self.pause()

    def network(self) -> None:
        """Proxies, then the places, measured."""
        network = proxies_found(self.workspace)
        none = t("Proxy: none is set, everything goes directly.")
        self.say(t("Proxy: {proxy}", proxy=network.proxy) if network.proxy else none, *network.problems)
        question = network_question(network)
        if question:
            use_proxy(self.workspace, self.ask(question))
        plan = (self.proposal or self._propose()).plan
        with signals_cancel() as cancel:
            choices = self.call.through(measured(self.workspace, plan, cancel))
        self.say(*(t("{kind}: {reason}", kind=TITLES[each.kind], reason=each.reason) for each in choices))
        if not question:
            self.pause()

    def place(self) -> None:
        """The folder."""
        plan = (self.proposal or self._propose()).plan
        question = place_question(find_places(self.workspace, plan.disk_needed_mib))
        if question.find(question.default) is None:
            self.say(*(each.refused or "" for each in question.choices))
            raise LauncherError(
                "no-place",
                t("None of the folders will do."),
                t("Free some space, or choose a folder on another disk with --root."),
            )
        self.workspace = take_place(self.workspace, Path(self.ask(question)))

    def plan(self) -> None:
        """What will be done; Enter agrees to it."""
        plan = self._propose().plan
        if not plan.missing:
            self.say(t("Everything is installed already."))
            return
        self.say(*of_plan(plan), *duration(estimate(self.workspace, plan)))
        self.pause(t("Enter begins; b: back; q: leave, and go on here next time"))

    def install(self) -> None:
        """What the plan says."""
        proposal = self.proposal or self._propose()
        with signals_cancel() as cancel:
            pack = self.call.arguments.options.pack
            self._show(install_with(proposal.plan, self.workspace, pack, cancel=cancel))

    def model(self) -> None:
        """One of them; fetched or linked at once."""
        proposal = self._propose()
        vram = vram_of(proposal.machine, proposal.plan)
        chosen = self.ask(model_question(self.workspace, vram, other_installs(self.workspace)))
        with signals_cancel() as cancel:
            self.call.through(take_model(self.workspace, chosen, cancel=cancel))
        self._remember(replace(self.answers, model=chosen))

    def draw(self) -> None:
        """Start it; one picture. A runtime that was started here and does not draw is ended again."""
        proposal = self._propose()
        options, credentials = replace(proposal.options, detach=True), None
        try:
            with signals_cancel() as cancel:
                for event in launch(self.workspace, options, proposal.plan, cancel=cancel):
                    self._show([event])
                    if isinstance(event, Ready):
                        self.url = event.url
                    elif isinstance(event, Credentials):
                        credentials = event
                    elif error := failure(event):
                        raise error
            self.say(t("Drawing …"))
            drawn = draw(self.workspace, self.url, self.answers.model, credentials)
        except BaseException:
            stop(self.workspace)
            raise
        self.picture = str(drawn.file)
        self.say(t("“{prompt}”, drawn on this computer in {time}.", prompt=drawn.prompt, time=f"{drawn.seconds:.0f} s"))

    def done(self) -> None:
        """Where everything is."""
        if self.call.printer.json:
            self.call.printer.answer({"url": self.url, "picture": self.picture, "model": self.answers.model})
            return
        for line in (
            t("Everything works."),
            t("The picture lies at {file}", file=self.picture),
            t("Open this address in the browser of your computer: {url}", url=self.url),
            t("It goes on running; `gesso stop` ends it, `gesso up` starts it again."),
        ):
            self.call.printer.result(line)

    # Asking

    def ask(self, question: Question) -> str:
        """The name of the choice; the default for Enter, and where nobody can be asked."""
        self.say(question.asked)
        for number, choice in enumerate(question.choices, 1):
            mark = "*" if choice.name == question.default else " "
            self.say(f"{mark} {number}  {self.call.printer.text(choice.title)}")
            details = (*choice.detail, *([t("Not possible: {why}", why=choice.refused)] if choice.refused else []))
            self.say(*(f"       {self.call.printer.text(each)}" for each in details))
        numbers = t("A number, or Enter for the one with the star; b: back; q: leave, and go on here next time")
        while True:
            word = self._line(numbers)
            chosen = question.find(question.default) if not word else None
            if word.isdecimal():
                chosen = question.numbered(int(word[:3]))
            if chosen is not None:
                return chosen.name
            self.say(t("That is none of the numbers."))

    def pause(self, keys: Text = _KEYS) -> None:
        """Until Enter; back and leave as everywhere."""
        self._line(keys)

    def _line(self, prompt: Text) -> str:
        if not self.call.asks:
            return ""
        sys.stderr.write(f"{self.call.printer.text(prompt)} > ")
        sys.stderr.flush()
        said = sys.stdin.readline()
        word = said.strip().lower()
        if not said or word == "q":
            raise _Leave
        if word == "b":
            raise _Back
        return word

    def say(self, *lines: Text | str) -> None:
        """On standard error: results alone go to standard output."""
        if not self.call.printer.json:
            for line in lines:
                # whatever is asked next needs it
                self.call.printer.aside(line, always=self.call.asks)

    def _show(self, events: Iterable[Event]) -> None:
        for event in events:
            if not self.call.printer.json:
                self.call.printer.event(event)

    def _propose(self) -> Proposal:
        self.proposal = propose_with(self.workspace, self.call.arguments.options, installed(self.workspace))
        return self.proposal

    def _remember(self, answers: Answers) -> None:
        self.answers = answers
        keep(self.workspace, answers)


def _setup(call: Call) -> int:
    printer = Printer(call.translate, json_lines=call.printer.json, quiet=call.arguments.quiet, redraws=False)
    return Lines(replace(call, printer=printer)).run()


def _words(words: Words) -> None:
    words.add("--plain", t("the questions as lines instead of the interface"), action="store_true")
    words.yes()


VERB = Verb(_setup, _words)
