"""What draws, second by second: the card's memory, load and temperature; without figures, what there is instead."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from textual.content import Content
from textual.events import Resize

from launcher.amounts import in_mib
from launcher.core.errors import LauncherError
from launcher.core.text import t
from launcher.tui.state import Home, Survey
from launcher.tui.widgets.card import Card, Row, Say, rows, without_survey
from launcher.tui.widgets.meter import bar, spark

if TYPE_CHECKING:
    from launcher.core.hardware.live import Figures
    from launcher.core.hardware.machine import Gpu

KEPT = 120
_BAR = 10
_UNKNOWN = t("not known")


class GpuCard(Card):
    """Name, memory, load with temperature, free disk; a line for the last minutes where there is room."""

    heading = t("Drawing on")

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._history: deque[Figures] = deque(maxlen=KEPT)
        self._shown: tuple[Home, Say] | None = None

    def show(self, home: Home, say: Say) -> None:
        """Also keeps what was shown: the next figures are drawn into it."""
        self._shown = home, say
        super().show(home, say)

    def add(self, figures: list[Figures]) -> None:
        """The newest figures."""
        self._history.extend(figures)
        if self._shown and figures:
            self.show(*self._shown)

    def on_resize(self, _event: Resize) -> None:
        """More or less room for the last minutes."""
        if self._shown:
            self.show(*self._shown)

    def draw(self, home: Home, say: Say) -> Content:
        """Four lines, or more where there is room."""
        if home.survey is None:
            return without_survey(home, say)
        survey = home.survey
        card = drawing_card(survey)
        live = [_same(figures, card) for figures in self._history] if card else []
        found = [_name(survey, card, say)]
        if card is not None and live and live[-1] is not None:
            found += self._of_card(live, say)
        else:
            found += self._of_computer(card, survey, say)
        free = survey.machine.disk_free_mib
        found.append((say(t("Disk")), say(_UNKNOWN if free is None else t("{size} free", size=in_mib(free))), ""))
        return rows(found)

    def _of_card(self, live: list[Gpu | None], say: Say) -> list[Row]:
        now = live[-1]
        assert now is not None  # noqa: S101 - the caller looked
        used = [_used_percent(each) for each in live]
        loads = [each.utilisation_percent if each else None for each in live]
        busy = [] if now.utilisation_percent is None else [f"{now.utilisation_percent}%"]
        busy += [] if now.temperature_c is None else [f"{now.temperature_c} °C"]
        load = "  ".join(busy) or say(_UNKNOWN)
        memory = _memory(now.vram_total_mib, now.vram_free_mib)
        if self._tall:
            wide = self._wide
            return [
                (say(t("VRAM")), memory or say(_UNKNOWN), ""),
                ("", spark(used, wide), "$secondary"),
                (say(t("Load")), load, ""),
                ("", spark(loads, wide), "$secondary"),
            ]
        return [(say(t("VRAM")), memory or say(_UNKNOWN), ""), (say(t("Load")), f"{load}  {spark(loads, _BAR)}", "")]

    def _of_computer(self, card: Gpu | None, survey: Survey, say: Say) -> list[Row]:
        """No figures of a card: the processor's and the computer's own memory."""
        from launcher.core.hardware.live import Figures

        now = self._history[-1] if self._history else Figures()
        busy = [each.processor_percent for each in self._history]
        percent = now.processor_percent
        load = say(_UNKNOWN) if percent is None else f"{bar(percent, _BAR)} {percent}%"
        total = now.ram_mib or survey.machine.ram_mib
        free = None if total is None or now.ram_used_mib is None else total - now.ram_used_mib
        found = [
            (say(t("CPU")), load if self._tall else f"{load} {spark(busy, 8)}", ""),
            (say(t("Memory")), _memory(total, free) or say(_UNKNOWN), ""),
        ]
        if self._tall:
            found.insert(1, ("", spark(busy, self._wide), "$secondary"))
        if card is not None and card.vram_total_mib and self._tall:
            found.append((say(t("VRAM")), in_mib(card.vram_total_mib), ""))
        return found

    @property
    def _tall(self) -> bool:
        return self.content_size.height >= 6

    @property
    def _wide(self) -> int:
        return max(8, self.content_size.width - 14)


def drawing_card(survey: Survey) -> Gpu | None:
    """The card that draws; None: the processor does."""
    from launcher.core.hardware.machine import cards_in_use

    if survey.plan.torch.tag == "cpu":
        return None
    try:
        cards = cards_in_use(survey.machine, survey.options.gpu)
    except LauncherError:
        return None
    return survey.plan.torch.card or (cards[0] if cards else None)


def _same(figures: Figures, card: Gpu) -> Gpu | None:
    return next((each for each in figures.cards if (each.uuid, each.index) == (card.uuid, card.index)), None) or next(
        (each for each in figures.cards if each.uuid and each.uuid == card.uuid), None
    )


def _name(survey: Survey, card: Gpu | None, say: Say) -> Row:
    label = say(t("GPU"))
    others = [each for each in survey.machine.gpus if each is not card]
    if card is None and others:
        return label, say(t("not used: {gpu}", gpu=in_short(others[0], say))), ""
    if card is None:
        return label, say(t("none: the processor draws")), ""
    if not others:
        return label, in_short(card, say), ""
    return label, say(t("{gpu} and {count} more", gpu=in_short(card, say), count=len(others))), ""


def in_short(gpu: Gpu, say: Say) -> str:
    """Name and memory. The maker's name is left out where the card's says it already: every cell counts."""
    name = (gpu.name or gpu.vendor or say(_UNKNOWN)).removeprefix("NVIDIA ").removeprefix("GeForce ")
    return f"{name}, {in_mib(gpu.vram_total_mib)}" if gpu.vram_total_mib else name


def _memory(total: int | None, free: int | None) -> str:
    if not total:
        return ""
    if free is None:
        return in_mib(total)
    return f"{bar(100 * (total - free) / total, _BAR)} {in_mib(total - free)} / {in_mib(total)}"


def _used_percent(card: Gpu | None) -> int | None:
    if card is None or not card.vram_total_mib or card.vram_free_mib is None:
        return None
    return 100 * (card.vram_total_mib - card.vram_free_mib) // card.vram_total_mib
