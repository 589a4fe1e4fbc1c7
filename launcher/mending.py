"""One mend after the other, for a terminal: shown, asked, done, looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from launcher.core.diagnosis.advice import Advice
from launcher.core.doctor.check import Checked
from launcher.core.doctor.examine import CHECKS, examine
from launcher.core.errors import LauncherError
from launcher.core.mends import MENDS, find_mend, journal
from launcher.core.mends.mend import Change, Here, Preview
from launcher.core.text import Text, t
from launcher.serving import signals_cancel
from launcher.verb import Call

_OWN_WORD = t("Only the log names what would be changed here, so --yes is not enough: run it in a terminal and agree.")
#: mends of one check in a row, as of one model after the other
_MOST = 50


@dataclass
class Mending:
    """What `--fix` does with the checks that failed, and what came of it."""

    call: Call
    here: Here
    mended: list[dict[str, Any]] = field(default_factory=list)
    #: the checks whose mend was declined, is not possible here, or failed
    left: list[dict[str, Any]] = field(default_factory=list)

    def mend_all(self, found: list[Checked]) -> list[Checked]:
        """The checks as they are afterwards, in the same order."""
        return [self._mend_one(each) if each.ok is False and each.mend in MENDS else each for each in found]

    def mend_finding(self, advice: Advice) -> bool:
        """What a log has shown, with what it told; True: it is well now."""
        one = Checked(advice.slug, advice.title, False, advice.cause, None, advice.mend, advice.for_mend())
        return advice.mend in MENDS and bool(self._mended(one, advice.mend, by_log=True))

    def record(self) -> dict[str, Any]:
        """For `--json`."""
        return {"mended": self.mended, "left": self.left}

    def sum_up(self, found: list[Checked]) -> None:
        """What stays to be done, in the end."""
        say = self.call.printer.aside
        wrong = [each for each in found if each.ok is False]
        say(t("Mended: {count}; still wrong: {wrong}.", count=len(self.mended), wrong=len(wrong)))
        for each in wrong:
            if each.fix is not None:
                say(t("    {title}: {fix}", title=each.title, fix=each.fix))

    def _mend_one(self, one: Checked) -> Checked:
        if self.mended:
            # An earlier mend may have put this right as well.
            one = self._again(one)
        tried: list[tuple[str, Mapping[str, str]]] = []
        for _ in range(_MOST):
            left = [each for each in _faults(one) if each not in tried]
            if not left:
                return one
            mend, values = left[0]
            tried.append(left[0])
            well = self._mended(replace(one, mend=mend, values=values), mend)
            if well is None:
                continue
            one = self._again(one)
            if well and _faults(one) == [(mend, values)]:
                return _settled(one)
        return one

    def _again(self, one: Checked) -> Checked:
        return next(examine(self.here, tuple(check for check in CHECKS if check.name == one.name)))

    def _mended(self, one: Checked, mend: str, *, by_log: bool = False) -> bool | None:
        """Is it well now? None: nothing was done. `by_log`: anybody may have written what a log names."""
        if not self.call.printer.json:
            self.call.printer.aside(t("{title}: looking at what would change …", title=one.title))
        try:
            shown = journal.preview(self.here, mend, one.values)
            if shown is None:
                self._leave(one, "nothing-to-mend", t("Gesso cannot mend this by itself here."))
                return None
            self._show(one, shown)
            if by_log and find_mend(mend).asks and not self.call.asks:
                self._leave(one, "needs-a-person", _OWN_WORD)
                return None
            if not self.call.agrees(t("Shall this be done?")):
                self._leave(one, "declined", t("Nothing was done."))
                return None
            with signals_cancel() as cancel:
                done = self.call.through(journal.mend(self.here, mend, one.values, cancel, shown))
        except LauncherError as error:
            if error.code == "interrupted":
                raise
            self._failed(one, error)
            return None
        self._keep(one, shown, done)
        return done.still is None

    def _show(self, one: Checked, shown: Preview) -> None:
        if self.call.printer.json:
            return

        def say(text: Text) -> None:
            self.call.printer.aside(text, always=True)

        say(t("{title}: {mend}", title=one.title, mend=shown.title))
        for change in shown.changes:
            say(t("    {what}: {before} → {after}", what=change.what, before=change.before or "–",
                  after=change.after or "–"))  # fmt: skip
        if shown.remark is not None:
            say(t("    {remark}", remark=shown.remark))

    def _keep(self, one: Checked, shown: Preview, done: journal.Mended) -> None:
        text = self.call.printer.text
        reversible = find_mend(shown.mend).reversible
        self.mended.append(
            {
                "check": one.name,
                "mend": shown.mend,
                "number": done.number,
                "title": text(shown.title),
                "changes": [change_record(self.call, change) for change in shown.changes],
                "still": text(done.still) if done.still else None,
                "undo": f"gesso doctor --undo {done.number}" if reversible else None,
            }
        )
        if self.call.printer.json:
            return
        result = self.call.printer.result
        well = t("Done, and looked at again: it is well now.")
        result(well if done.still is None else t("Done, but: {still}", still=done.still))
        if reversible:
            result(t("To take it back: gesso doctor --undo {number}", number=done.number))

    def _leave(self, one: Checked, why: str, message: Text) -> None:
        self.left.append({"check": one.name, "why": why, "message": self.call.printer.text(message)})
        if not self.call.printer.json:
            self.call.printer.aside(t("{title}: {message}", title=one.title, message=message), always=True)

    def _failed(self, one: Checked, error: LauncherError) -> None:
        text = self.call.printer.text
        record = {"check": one.name, "why": error.code, "message": text(error.message), "hint": text(error.hint)}
        self.left.append(record)
        if not self.call.printer.json:
            self.call.printer.aside(t("{title}: {message} {hint} [{code}]", title=one.title, message=error.message,
                                      hint=error.hint, code=error.code), always=True)  # fmt: skip


def _faults(one: Checked) -> list[tuple[str, Mapping[str, str]]]:
    """What of it is to be mended, and by what."""
    return [] if one.ok is not False or one.mend is None else [(one.mend, one.values), *one.others]


def _settled(one: Checked) -> Checked:
    """The mend has looked itself and found it well: what it changed counts for what is started from now on."""
    told = t("It is put right for what is started from now on.")
    return Checked(one.name, one.title, True, told)


def change_record(call: Call, change: Change) -> dict[str, Any]:
    """One change as JSON."""
    return {"what": call.printer.text(change.what), "before": change.before, "after": change.after}
