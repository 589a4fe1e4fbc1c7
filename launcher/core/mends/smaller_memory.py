"""The next smaller way of using the card's memory for a run profile: full, medvram, lowvram, the processor."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

from launcher.core.events import Event, Notice
from launcher.core.memory.choose import MemoryChoice, next_step_down
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.mends.run_profile import Edit, change, change_back, memory_of, own_of, profile_in_use
from launcher.core.text import Text, t

NAME, TITLE = "smaller-memory", t("Use less of the card's memory")
#: a mode among the flags would count instead of the setting
_FLAGS = ("--medvram", "--medvram-sdxl", "--lowvram")


def _below(choice: MemoryChoice) -> str | None:
    """The next rung of the ladder; the processor is the last one."""
    below = next_step_down(choice)
    if below is not None:
        return below.profile
    return None if choice.mode == "cpu" else "cpu"


def _preview(here: Here, values: Values) -> Preview | None:
    profile = profile_in_use(here, values)
    choice = memory_of(here, profile)
    below = _below(choice)
    if below is None:
        return None
    changes = (Change(t('the memory mode of the run profile "{name}"', name=profile), choice.profile, below),)
    slow = t("The processor draws then: that takes minutes instead of seconds.")
    less = t("Drawing becomes a little slower and needs less memory. It counts from the next start.")
    return Preview(NAME, TITLE, changes, slow if below == "cpu" else less)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    profile = profile_in_use(here, values)
    below = _below(memory_of(here, profile))
    if below is None:
        raise nothing_to_mend(TITLE)
    record = change(here, profile, Edit(memory=below, taken=_FLAGS))
    yield Notice(
        "memory-changed", "info", t('"{profile}" starts with {mode} from now on.', profile=profile, mode=below)
    )
    return {**record, "mode": below}


def _verify(here: Here, values: Values) -> Text | None:
    profile = profile_in_use(here, values)
    wanted, found = own_of(here, profile).memory, memory_of(here, profile).profile
    if wanted == found:
        return None
    return t(
        "The run profile asks for {wanted}, and yet it will be {found}: COMMANDLINE_ARGS or the profile that it is "
        "built on say so.",
        wanted=wanted,
        found=found,
    )


def _undo(here: Here, record: Record) -> Iterator[Event]:
    change_back(here, record)
    yield Notice("memory-changed", "info", t('The run profile "{name}" is as it was.', name=record["profile"]))


MEND = Mend(NAME, TITLE, _preview, _apply, _verify, _undo)
