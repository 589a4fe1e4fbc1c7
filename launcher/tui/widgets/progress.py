"""One line of progress: the step by number, a bar, and bytes."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from launcher.amounts import in_bytes, in_time
from launcher.core.events import Drawing, Progress
from launcher.core.text import Text, t
from launcher.tui.state import Home
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say

BAR = 12


class ProgressLine(Static):
    """Hidden unless steps are being done."""

    def show(self, home: Home, say: Say) -> None:
        """Draw the step that runs, or the picture that is being made."""
        words = _words(home)
        self.display = words is not None
        if words is not None:
            parts = [Content(plain(say(words)))]
            if home.progress is not None:
                parts.append(amount(home.progress))
                parts += [Content(plain(say(words))) for words in pace(home.progress)]
            self.update(Content("  ").join(parts))


def _words(home: Home) -> Text | None:
    step = home.step
    if step is not None:
        return t("Step {number} of {count}: {title}", number=step.number, count=step.count, title=step.title)
    if home.progress is None or not home.progress.name.startswith("job-"):
        return None
    return t("Drawing") if home.drawing is None else _drawing(home.drawing)


_KINDS = {"txt2img": t("text to image"), "img2img": t("image to image"), "extras": t("enlarging")}


def _drawing(drawn: Drawing) -> Text:
    """What it is, how large, which part of it, and how many wait."""
    kind = _KINDS.get(drawn.kind, Text("{name}", (("name", drawn.kind),)))
    said = t("Drawing: {kind}", kind=kind)
    if drawn.width and drawn.height:
        said = t("{said} {width}×{height}", said=said, width=drawn.width, height=drawn.height)
    if drawn.parts > 1:
        said = t("{said}, part {part} of {parts}", said=said, part=drawn.part, parts=drawn.parts)
    return t("{said}, {count} waiting", said=said, count=drawn.waiting) if drawn.waiting else said


def pace(progress: Progress) -> list[Text]:
    """How fast, and how long still, as far as that is known."""
    words = []
    if progress.rate and progress.unit == "bytes":
        words.append(t("{amount}/s", amount=in_bytes(int(progress.rate))))
    if progress.seconds_left:
        words.append(t("{time} left", time=in_time(progress.seconds_left)))
    return words


def amount(progress: Progress) -> Content:
    """A bar that can be read without colour: thick is done, thin is left; without a total only what is done."""
    done = in_bytes(progress.done) if progress.unit == "bytes" else str(progress.done)
    if not progress.total:
        return Content(done)
    filled = min(BAR, BAR * progress.done // progress.total)
    total = in_bytes(progress.total) if progress.unit == "bytes" else str(progress.total)
    share = min(100, 100 * progress.done // progress.total)
    counted = "" if progress.unit == "percent" else f"  {done} / {total}"
    return Content.assemble(("━" * filled, "$success"), ("─" * (BAR - filled), "$text-muted"), f" {share}%{counted}")
