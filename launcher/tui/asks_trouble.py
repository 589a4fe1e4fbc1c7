"""What the troubleshooting screens ask of core: findings, checks, mends; the handbook; the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.core.events import Event
from launcher.core.mends import MENDS
from launcher.core.text import Text, t
from launcher.tui.asks import Place
from launcher.tui.jobs import Cancel

if TYPE_CHECKING:
    from launcher.core.diagnosis.advice import Advice
    from launcher.core.doctor.check import Checked
    from launcher.core.handbook.entries import Entry
    from launcher.core.mends.journal import Done, Mended
    from launcher.core.mends.mend import Here, Preview
    from launcher.core.report.report import Report

THIS_RUN, RUN_BEFORE = t("this run or the last"), t("the run before it")
HERE = t("what was done here")


@dataclass(frozen=True)
class Found:
    """What one log shows, the root first."""

    where: Text
    #: name of the file; "" for what this interface has seen
    log: str
    advice: tuple[Advice, ...]


@dataclass(frozen=True)
class TroubleAsks:
    """Looking changes nothing; a mend is shown before it is done, and can be taken back."""

    #: the logs of this run and the one before, and of the lines of what else was done here
    findings: Callable[[Sequence[str], Cancel], Iterator[Found]]
    checks: Callable[[], Iterator[Checked]]
    preview: Callable[[str, Mapping[str, str]], Preview | None]
    #: does what was shown, and nothing else
    mend: Callable[[Preview, Mapping[str, str], Cancel], Generator[Event, None, Mended]]
    undo: Callable[[int], Iterator[Event]]
    #: what was mended and can be taken back, the latest first
    done: Callable[[], tuple[Done, ...]]
    #: names of the mends there are
    mends: frozenset[str] = frozenset(MENDS)

    @classmethod
    def real(cls, place: Place) -> TroubleAsks:
        """Core itself."""
        return cls(
            findings=lambda lines, cancel: _findings(place, lines, cancel),
            checks=lambda: _checks(place),
            preview=lambda name, values: _preview(place, name, values),
            mend=lambda shown, values, cancel: _mend(place, shown, values, cancel),
            undo=lambda number: _undo(place, number),
            done=lambda: _done(place),
        )


@dataclass(frozen=True)
class HandbookAsks:
    """Reading it takes some tenths of a second."""

    read: Callable[[], tuple[Entry, ...]]

    @classmethod
    def real(cls, _place: Place) -> HandbookAsks:
        """Core itself."""
        return cls(_read_handbook)


@dataclass(frozen=True)
class ReportAsks:
    """Gathering writes nothing."""

    gather: Callable[[Cancel], Generator[Event, None, Report]]
    #: a path at which nothing lies yet
    free_path: Callable[[], str]
    #: writes a new file and gives its path; LauncherError if there is one already
    write: Callable[[Report, str], str]

    @classmethod
    def real(cls, place: Place) -> ReportAsks:
        """Core itself."""
        return cls(
            gather=lambda cancel: _gather(place, cancel),
            free_path=lambda: _free_path(place),
            write=_write,
        )


def _findings(place: Place, lines: Sequence[str], cancel: Cancel) -> Iterator[Found]:
    from launcher.core.diagnosis.diagnose import diagnose_batches
    from launcher.core.diagnosis.reading import clean, read_lines
    from launcher.core.log_keeper import aside
    from launcher.core.running import LOG
    from launcher.core.serving.circumstances import circumstances_of

    around = circumstances_of(place.workspace)
    log = place.workspace.logs / LOG
    for where, file in ((THIS_RUN, aside(log)), (THIS_RUN, log), (RUN_BEFORE, log.with_suffix(".previous.log"))):
        if file.is_file() and not cancel.is_set():
            yield Found(where, file.name, diagnose_batches(_while_wanted(read_lines(file), cancel), around))
    yield Found(HERE, "", diagnose_batches([clean("\n".join(lines))], around))


def _while_wanted(batches: Iterator[list[str]], cancel: Cancel) -> Iterator[list[str]]:
    for batch in batches:
        if cancel.is_set():
            return
        yield batch


def _here(place: Place) -> Here:
    from launcher.core.mends.mend import Here

    return Here(place.workspace, os.environ)


def _checks(place: Place) -> Iterator[Checked]:
    from launcher.core.doctor.examine import examine

    yield from examine(_here(place))


def _preview(place: Place, name: str, values: Mapping[str, str]) -> Preview | None:
    from launcher.core.mends.journal import preview

    return preview(_here(place), name, values)


def _mend(place: Place, shown: Preview, values: Mapping[str, str], cancel: Cancel) -> Generator[Event, None, Mended]:
    from launcher.core.mends.journal import mend

    return (yield from mend(_here(place), shown.mend, values, cancel, shown))


def _undo(place: Place, number: int) -> Iterator[Event]:
    from launcher.core.mends.journal import undo

    yield from undo(_here(place), number)


def _done(place: Place) -> tuple[Done, ...]:
    from launcher.core.mends.journal import done

    return tuple(each for each in reversed(done(_here(place))) if each.reversible and not each.undone)


def _read_handbook() -> tuple[Entry, ...]:
    from launcher.core.handbook.entries import read_handbook

    return read_handbook()


def _gather(place: Place, cancel: Cancel) -> Generator[Event, None, Report]:
    from launcher.core.report.report import gather

    return (yield from gather(place.workspace, place.options, os.environ, _checks(place), cancel))


def _free_path(place: Place) -> str:
    from launcher.core.report.bundle import free_path

    return str(free_path(place.workspace.root))


def _write(report: Report, path: str) -> str:
    from launcher.core.report.bundle import write

    return str(write(report, Path(path)))
