"""`gesso update`: what a newer release of Gesso would change, the move to it, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from launcher.core.errors import LauncherError
from launcher.core.text import Text, t
from launcher.core.update.find import Update, Wish, place_of
from launcher.core.update.update import carry_out, clear, find_update, go_back
from launcher.serving import signals_cancel
from launcher.verb import DONE, Call, UsageError, Verb, Words

T = TypeVar("T")
#: of a list of commits or files, this many are shown to people
_SHOWN = 12


def _update(call: Call) -> int:
    words = call.arguments.words
    if words.sha256 and not words.archive:
        raise UsageError(t("--sha256 is for an archive that --from names."))
    if words.back and (words.check or words.pre or words.trust_mirror or words.archive):
        raise UsageError(t("--back goes with none of --check, --pre, --from and --trust-mirror."))
    place = place_of(call.workspace)
    if words.back:
        version = call.through(go_back(place))
        _say(call, {"version": version}, t("Gesso {version} is back.", version=version))
        return DONE
    wish = Wish(pre=words.pre, check=words.check, trust_mirror=words.trust_mirror, archive=words.archive,
                sha256=words.sha256)  # fmt: skip
    with signals_cancel() as cancel:
        update = call.through(find_update(place, wish, cancel))
        if words.check or update.version is None or not _agreed(call, update):
            clear(update.staged)
            _answer(call, update)
            return DONE
        call.through(carry_out(place, update, cancel))
    _say(call, _record(call, update), t("Gesso is {version} now. `gesso update --back` leads back to {before}.",
                                        version=update.version, before=update.present))  # fmt: skip
    return DONE


def of_update(update: Update) -> Iterator[Text]:
    """What was found, for people."""
    if update.version is None:
        yield t("Gesso {version} is the newest.", version=update.present)
        if update.before:
            yield t("`gesso update --back` leads back to {before}.", before=update.before)
        return
    if update.newer:
        yield t("Gesso {version} is there; this is {present}.", version=update.version, present=update.present)
    else:
        yield t("The archive holds Gesso {version}, which is not newer than this one: {present}.",
                version=update.version, present=update.present)  # fmt: skip
    yield from _some(t("Changes:"), update.changes.commits)
    yield from _some(t("Files that change: {count}", count=len(update.changes.files)), update.changes.files)
    if update.rebuilt.launcher:
        yield t("Gesso's own environment will be made anew at the next start.")
    if update.rebuilt.engine:
        yield t("The next `gesso up` will build a new engine environment; the old one stays.")
    if update.obstacle:
        yield t("It cannot be done as things are: {why}", why=update.obstacle.message)
        yield t("    {line}", line=update.obstacle.hint)


def _some(headline: Text, lines: tuple[str, ...]) -> Iterator[Text]:
    if not lines:
        return
    yield headline
    for line in lines[:_SHOWN]:
        yield t("    {line}", line=line)
    if len(lines) > _SHOWN:
        yield t("    … and {count} more", count=len(lines) - _SHOWN)


def _agreed(call: Call, update: Update) -> bool:
    if update.obstacle:
        raise update.obstacle
    if call.printer.json:
        return True
    for line in of_update(update):
        call.printer.aside(line)
    return call.agrees(t("Shall this be done?"))


def _answer(call: Call, update: Update) -> None:
    if call.printer.json:
        call.printer.answer(_record(call, update))
    else:
        for line in of_update(update):
            call.printer.result(line)


def _record(call: Call, update: Update) -> dict[str, Any]:
    return {
        "present": update.present,
        "newest": update.version if update.newer else update.present,
        "newer": update.newer,
        "version": update.version,
        "commit": update.commit,
        "commits": list(update.changes.commits),
        "files": list(update.changes.files),
        "rebuilds": {"launcher": update.rebuilt.launcher, "engine": update.rebuilt.engine},
        "before": update.before,
        "obstacle": update.obstacle and _error(call, update.obstacle),
    }


def _error(call: Call, error: LauncherError) -> dict[str, str]:
    return {"code": error.code, "message": call.printer.text(error.message), "hint": call.printer.text(error.hint)}


def _say(call: Call, record: dict[str, Any], sentence: Text) -> None:
    if call.printer.json:
        call.printer.answer(record)
    else:
        call.printer.result(sentence)


def _words(words: Words) -> None:
    words.add("--check", t("only say what there is and what would change"), action="store_true")
    words.add("--back", t("the version before the last update, without a network"), action="store_true")
    words.add("--pre", t("versions before a release too"), action="store_true")
    words.add("--from", t("an archive of a new version, for a copy without git"), dest="archive", metavar="FILE|URL")
    words.add("--sha256", t("of that archive, as it was published"), metavar="HEX")
    words.add("--trust-mirror", t("take a mirror's word for which commit a release is"), action="store_true")
    words.yes()


VERB = Verb(_update, _words)
