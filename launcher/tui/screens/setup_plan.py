"""Step: the plan in plain words, how long it will take, and why everything is as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from launcher.amounts import in_bytes
from launcher.core.network.mirrors import TITLES
from launcher.core.plan.plan import Plan
from launcher.core.setup.course import ABOUT
from launcher.core.setup.expectations import Estimate
from launcher.core.setup.found import duration
from launcher.core.text import Text, t
from launcher.tui.messages import Done
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.state import Survey
from launcher.tui.untrusted import plain
from launcher.tui.widgets.plan import in_words


@dataclass(frozen=True)
class _Looked:
    survey: Survey
    estimate: Estimate


class PlanScreen(SetupScreen):
    """Made anew with what was measured and chosen; nothing is done before Enter."""

    step = "plan"
    about = ABOUT["plan"]

    def parts(self) -> ComposeResult:
        """One text, which scrolls."""
        yield Static(id="said")

    def on_mount(self) -> None:
        """Plan."""
        self._estimate: Estimate | None = None
        super().on_mount()
        self._plan()

    def _plan(self) -> None:
        self.trouble(None)
        self._estimate = None
        self.jobs.start("plan", lambda _: self._looked())
        self.retell()

    def _looked(self) -> _Looked:
        survey = self.asks.look(self.course.workspace)
        return _Looked(survey, self.asks.estimate(self.course.workspace, survey.plan))

    def retell(self) -> None:
        """Time, steps, what is fetched from where, reasons."""
        super().retell()
        survey, estimate = self.course.survey, self._estimate
        if survey is None or estimate is None:
            self.tell_lines([t("Making the plan …")])
        elif not survey.plan.missing:
            self.tell_lines([t("Everything is installed already.")])
        else:
            how_long = [Content.styled(plain(self.say(line)), "bold") for line in duration(estimate)]
            fetched = _fetched(survey.plan, estimate)
            self.tell_lines(
                [*how_long, Content(""), in_words(survey.plan, self.say, estimate.sizes), Content(""), *fetched]
            )

    def meaning(self, key: KeyOf) -> Text | None:
        """What Enter does: begin, go on, or look again."""
        if key != GO:
            return super().meaning(key)
        if self._estimate is None or self.course.survey is None:
            return None if self.jobs.running else t("Look again")
        if _blocked(self.course.survey.plan):
            return t("Look again")
        return t("Begin") if self.course.survey.plan.missing else t("Go on")

    def action_go(self) -> None:
        """Begin."""
        survey = self.course.survey
        if survey is None or self._estimate is None or _blocked(survey.plan):
            if not self.jobs.running:
                self._plan()
        elif survey.plan.missing:
            self.forward()
        else:
            self.open("model", self.course)

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, _Looked):
            self.course = replace(self.course, survey=message.value.survey)
            self._estimate = message.value.estimate
            self.retell()


def _blocked(plan: Plan) -> bool:
    return any(finding.severity == "error" for finding in plan.findings)


def _fetched(plan: Plan, estimate: Estimate) -> list[Text | Content]:
    """Every file that is fetched: how large, from where, from where else, and why."""
    lines: list[Text | Content] = []
    for each in plan.downloads:
        about = estimate.sizes.get("environment" if each.name == "python" else each.name)
        size = _size(each.bytes or 0, about or 0)
        lines.append(
            t("{name}, {size}, from {source}", name=TITLES.get(each.name, each.name), size=size, source=each.source)
        )
        if each.others:
            lines.append(t("    if that fails: {names}", names=", ".join(each.others)))
        if each.why:
            lines.append(t("    {reason}", reason=each.why))
    return lines


def _size(told: int, about: int) -> Text:
    """torch's own wheel may be weighed and the libraries that it brings not, so the larger number counts."""
    if told and not about:
        return t("{size}, which lie on this computer", size=in_bytes(told))
    if about > told:
        return t("about {size}", size=in_bytes(about))
    return Text("{size}", (("size", in_bytes(told)),)) if told else t("size not known")
