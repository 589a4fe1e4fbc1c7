"""The plan in plain words: what would be done, how many bytes, and why so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from launcher.amounts import in_bytes, in_mib
from launcher.core.text import Text, t
from launcher.tui.state import Home
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say

if TYPE_CHECKING:
    from launcher.core.plan.plan import Plan, PlanStep

_SEVERITIES = {
    "info": (t("Note"), "$text-muted"),
    "warning": (t("Careful"), "$text-warning"),
    "error": (t("In the way"), "bold $text-error"),
}


class PlanPane(VerticalScroll):
    """Shown while something is missing and nothing runs yet; scrolls where it is longer than the screen."""

    def compose(self) -> ComposeResult:
        """One block of text."""
        yield Static()

    def show(self, home: Home, say: Say) -> None:
        """Draw the plan in the language of `say`."""
        self.border_title = say(t("Plan"))
        if home.survey is not None:
            self.query_one(Static).update(in_words(home.survey.plan, say))


def in_words(plan: Plan, say: Say, reckoned: Mapping[str, int] | None = None) -> Content:
    """Steps first, then findings, then bytes, then the reasons. `reckoned`: bytes of each step that nobody has told."""
    about = reckoned or {}
    lines = [Content(f"{number}. ") + _step(step, say, about) for number, step in enumerate(plan.missing, 1)]
    for finding in plan.findings:
        word, style = _SEVERITIES[finding.severity]
        sentence = t("{word}: {sentence}", word=word, sentence=finding.message)
        lines.append(Content.styled(plain(say(sentence)), style))
    lines += [Content(plain(say(sentence))) for sentence in _bytes(plan, about)]
    lines += [Content.styled(plain(say(reason)), "$text-muted") for reason in (plan.torch.reason, plan.memory.reason)]
    return Content("\n").join(lines)


def _step(step: PlanStep, say: Say, about: Mapping[str, int]) -> Content:
    size = f"  {in_bytes(step.bytes)}" if step.bytes else ""
    if not step.bytes and about.get(step.name):
        size = "  " + say(t("about {size}", size=in_bytes(about[step.name])))
    return Content(plain(say(step.title))) + Content.styled(size, "bold")


def _bytes(plan: Plan, about: Mapping[str, int]) -> list[Text]:
    found = []
    if sum(about.values()):
        found.append(t("To download: about {size}.", size=in_bytes(sum(about.values()))))
    elif plan.downloads and not about:
        total = in_bytes(sum(download.bytes or 0 for download in plan.downloads))
        known = all(download.bytes is not None for download in plan.downloads)
        found.append(t("To download: {size}.", size=total) if known else t("To download: at least {size}.", size=total))
    if plan.disk_needed_mib is not None and plan.disk_free_mib is not None:
        needed, free = in_mib(plan.disk_needed_mib), in_mib(plan.disk_free_mib)
        found.append(t("Disk: {needed} needed, {free} free.", needed=needed, free=free))
    return found
