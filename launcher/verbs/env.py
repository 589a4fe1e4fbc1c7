"""`gesso env`: the environments of the engine: listed, made, mended, switched, removed, written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from launcher.carrying import agreed
from launcher.core.environments import changes as environment_changes
from launcher.core.environments import environments
from launcher.core.environments.drift import Drift, since_last_good
from launcher.core.environments.freeze import Differing, as_requirements, freeze, needed_files
from launcher.core.environments.installed import Installed
from launcher.core.environments.listing import Listed, environments_there, measure
from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.hardware.look import look
from launcher.core.install.install import Making, install
from launcher.core.install.lock import install_lock
from launcher.core.install.repair import Health, examine, is_outside, rebuild
from launcher.core.install.wheelhouse import prune, wheelhouse
from launcher.core.pack.making import Wish, make_pack
from launcher.core.pack.manifest import read_pack
from launcher.core.packages.sources import ENGINE_LOCK
from launcher.core.paths import written_path
from launcher.core.plan.plan import Plan
from launcher.core.proposal import propose
from launcher.core.running import find_running
from launcher.core.text import Text, moment, t
from launcher.serving import signals_cancel
from launcher.verb import DONE, FAILED, Action, Call, UsageError, Verb, Words

_MIB = 1024**2
#: what starts a pack, in whose folder the user is; a stick may know no right to execute
_ELSEWHERE = "sh gesso/install.sh --from ."
_ON_WINDOWS = "powershell -ExecutionPolicy Bypass -File gesso\\install.ps1 --from ."
_STATES: dict[str, Text] = {
    "current": t("current"),
    "previous": t("the one before"),
    "kept": t("kept"),
    "unusable": t("unusable"),
    "unfinished": t("unfinished"),
}


def _list(call: Call) -> int:
    found = environments_there(call.workspace)
    drift = since_last_good(call.workspace, look(call.workspace.root)) if found else None
    if call.printer.json:
        answer = {"environments": [_record(one) for one in found], "drift": _drift_record(drift, call)}
        call.printer.answer(answer)
        return DONE
    if not found:
        call.printer.result(t("There is no environment yet; `gesso install` makes one."))
    for line in (line for one in found for line in _lines(one)):
        call.printer.result(line)
    for line in _drift_lines(drift):
        call.printer.result(line)
    return DONE


def _record(one: Listed) -> dict[str, Any]:
    stamp = one.stamp
    return {
        "name": one.folder.name,
        "state": one.state,
        "torch": stamp.torch if stamp else None,
        "tag": stamp.tag if stamp else None,
        "python": stamp.python if stamp else None,
        "interpreter": stamp.interpreter if stamp else None,
        "source": stamp.source if stamp else None,
        "proven_at": stamp.verified_at if stamp else None,
        "bytes": one.size.total,
        "shared_bytes": one.size.shared,
    }


def _lines(one: Listed) -> Iterator[Text]:
    yield t("{name} ({state})", name=one.folder.name, state=_STATES[one.state])
    if one.stamp:
        stamp = one.stamp
        yield t(
            "    torch {torch}, Python {python}, proven {when}",
            torch=stamp.torch,
            python=stamp.interpreter or stamp.python,
            when=moment(stamp.verified_at),
        )
    yield t(
        "    {total} MiB on the disk, {shared} MiB of it shared with the cache or another environment",
        total=one.size.total // _MIB,
        shared=one.size.shared // _MIB,
    )


def _drift_record(drift: Drift | None, call: Call) -> dict[str, Any] | None:
    if drift is None:
        return None
    changes = [
        {"what": each.what, "before": each.before, "now": each.now, "sentence": call.printer.text(each.sentence)}
        for each in drift.changes
    ]
    return {"since": drift.since, "changes": changes}


def _drift_lines(drift: Drift | None) -> Iterator[Text]:
    if drift is None or not drift.changes:
        return
    yield t("Since the engine last started well ({when}):", when=moment(drift.since))
    for change in drift.changes:
        yield t("    {change}", change=change.sentence)


def _add_create(words: Words) -> None:
    words.add("name", t("of the new environment; otherwise named by its torch"), nargs="?", metavar="NAME")
    words.add("--python", t("a version (3.12), or the path of an interpreter"), type=_python, metavar="VERSION|PATH")
    words.add("--use", t("make it the current one when it is proven"), action="store_true")
    words.yes()


def _python(word: str) -> str:
    if not word.strip():
        raise UsageError(t("--python needs a version or a path."))
    return word


def _create(call: Call) -> int:
    words = call.arguments.words
    if words.name is not None:
        environment_changes.check_new_name(call.workspace, words.name)
    plan, before = _plan(call, words.python), environments.finished(call.workspace)
    making = Making(words.name, use=words.use, anew=True, by_hand=True)
    with signals_cancel() as cancel:
        if not agreed(call, plan):
            return call.declined()
        _show(call, install(plan, call.workspace, cancel=cancel, making=making))
    return _made(call, before)


def _plan(call: Call, python: str | None = None) -> Plan:
    """For an environment that is to be made whatever there is."""
    options = replace(call.arguments.options, python=python or call.arguments.options.python)
    return propose(call.workspace, options, Installed()).plan


def _show(call: Call, events: Iterator[Event]) -> None:
    for event in events:
        # --json answers with one object, at the end
        if not call.printer.json:
            call.printer.event(event)


def _made(call: Call, before: Sequence[Path]) -> int:
    """The environment that was not there before, said as `list` says it."""
    made = set(environments.finished(call.workspace)) - set(before)
    for one in (each for each in environments_there(call.workspace) if each.folder in made):
        if call.printer.json:
            call.printer.answer({"environment": _record(one)})
            return DONE
        for line in _lines(one):
            call.printer.result(line)
    return DONE


def _add_name(words: Words) -> None:
    words.add("name", t("of the environment"), metavar="NAME")


def _add_repair(words: Words) -> None:
    words.add("name", t("of the environment; otherwise the current one"), nargs="?", metavar="NAME")
    words.add("--check", t("only name what is broken"), action="store_true")
    words.add("--anyway", t("build it again although nothing seems broken"), action="store_true")
    words.yes()


def _repair(call: Call) -> int:
    words = call.arguments.words
    if words.check and words.anyway:
        raise UsageError(t("--check builds nothing, and --anyway is for building: one of the two."))
    # What is named may be just what is broken.
    folder = _chosen(call, words.name, environments.named(call.workspace))
    before = environments.finished(call.workspace)
    with signals_cancel() as cancel:
        health = _examined(call, folder, cancel.is_set)
        _name_the_broken(call, health)
        if words.check or (health.whole and not words.anyway):
            return _checked(call, folder, health)
        plan = _plan(call)
        if not call.agrees(_question(folder)):
            return call.declined()
        _show(call, rebuild(call.workspace, folder, plan, health.broken, cancel=cancel))
    return _made(call, before)


def _question(folder: Path) -> Text:
    if is_outside(folder):
        return t(
            "Its packages lie with {python}. Shall they be put there again? What was there is then replaced.",
            python=environments.interpreter(folder),
        )
    return t("Shall the same environment be built again beside it?")


def _examined(call: Call, folder: Path, cancelled: Callable[[], bool]) -> Health:
    for found in examine(folder, cancelled):
        if isinstance(found, Health):
            return found
        if not call.printer.json:
            call.printer.event(found)
    raise LauncherError("interrupted", t("Stopped at your wish."), t("Nothing was changed."))


def _name_the_broken(call: Call, health: Health) -> None:
    if health.python_gone:
        call.printer.aside(t("Its Python is gone: {python}", python=health.python_gone))
    for other in health.differing:
        call.printer.aside(_differs(other))
    for each in health.broken[:20]:
        call.printer.aside(
            t("{file} of {package} is {what}", file=each.file, package=each.package, what=_WHAT[each.what])
        )
    if len(health.broken) > 20:
        call.printer.aside(t("… and {count} more", count=len(health.broken) - 20))


def _differs(each: Differing) -> Text:
    wanted = ", ".join(each.wanted)
    if each.found is None:
        return t("{package} {version} is no longer there", package=each.name, version=wanted)
    return t("{package} is {found}, and was {version}", package=each.name, found=each.found, version=wanted)


_WHAT: dict[str, Text] = {"missing": t("missing"), "changed": t("changed"), "unreadable": t("unreadable")}


def _checked(call: Call, folder: Path, health: Health) -> int:
    if call.printer.json:
        broken = [{"package": each.package, "file": each.file, "what": each.what} for each in health.broken]
        differing = [asdict(each) for each in health.differing]
        call.printer.answer({
            "name": folder.name, "whole": health.whole, "python_gone": health.python_gone, "broken": broken,
            "differing": differing,
        })  # fmt: skip
    elif health.whole:
        call.printer.result(t("Every file of {name} is as its package brought it.", name=folder.name))
    return DONE if health.whole else FAILED


def _switch(call: Call) -> int:
    folder = environments.find(call.workspace, call.arguments.words.name)
    with install_lock(call.workspace):
        environments.switch(call.workspace, folder, by_hand=True)
    return _now(call, folder)


def _rollback(call: Call) -> int:
    with install_lock(call.workspace):
        folder = environment_changes.rollback(call.workspace)
    return _now(call, folder)


def _now(call: Call, folder: Path) -> int:
    if call.printer.json:
        call.printer.answer({"current": folder.name})
    else:
        call.printer.result(t("{name} is the current environment now.", name=folder.name))
    if find_running(call.workspace):
        call.printer.aside(t("What runs still uses the one before; it changes with the next start."))
    return DONE


def _add_remove(words: Words) -> None:
    _add_name(words)
    words.yes()


def _remove(call: Call) -> int:
    folder = environments.find(call.workspace, call.arguments.words.name)
    size = measure(folder)
    freed = (size.total - size.shared) // _MIB
    if not call.agrees(t("Remove {name}? {freed} MiB become free at least.", name=folder.name, freed=freed)):
        return call.declined()
    with install_lock(call.workspace):
        environment_changes.remove(call.workspace, folder)
        needed = needed_files(environments.everything(call.workspace), ENGINE_LOCK)
        wheels = prune(wheelhouse(call.workspace), needed)
    if call.printer.json:
        answer = {"removed": folder.name, "freed_bytes": size.total - size.shared, "freed_wheel_bytes": wheels}
        call.printer.answer(answer)
    else:
        call.printer.result(t("{name} is removed.", name=folder.name))
    return DONE


def _add_freeze(words: Words) -> None:
    words.add("name", t("of the environment; otherwise the current one"), nargs="?", metavar="NAME")
    does = t("a folder to fill for a computer without a network")
    # Not `pack`: that is the one to install from.
    words.add("--pack", does, dest="target", type=written_path, metavar="DIR")
    words.add("--model", t("one to pack, as it lies below models/; may be repeated"), action="append", metavar="FILE")
    words.yes()


def _pack(call: Call, folder: Path, target: Path) -> int:
    target = target.absolute()
    wish = Wish(folder, target, tuple(call.arguments.words.model or ()))
    proposal = propose(call.workspace, call.arguments.options, Installed())
    with signals_cancel() as cancel:
        _show(call, make_pack(wish, call.workspace, proposal.plan, proposal.machine, cancel=cancel))
    size = measure(target).total
    if call.printer.json:
        call.printer.answer({"pack": str(target), "bytes": size, **asdict(read_pack(target))})
    else:
        text = t("The pack is finished: {folder}, {size} MiB.", folder=target, size=size // _MIB)
        call.printer.result(text)
        command = _ON_WINDOWS if proposal.machine.os == "windows" else _ELSEWHERE
        call.printer.result(t("On the other computer, in a terminal in that folder: {command}", command=command))
        text = t("Gesso stays in the folder gesso there, its workspace too unless --root names another.")
        call.printer.result(text)
    return DONE


def _freeze(call: Call) -> int:
    words = call.arguments.words
    if words.model and not words.target:
        raise UsageError(t("--model is for --pack DIR: what is written down alone has no models."))
    folder = _chosen(call, words.name, environments.current(call.workspace))
    if words.target:
        return _pack(call, folder, words.target)
    frozen = freeze(folder)
    if call.printer.json:
        packages = [{"name": each.name, "version": each.version, "sha256": list(each.sha256)} for each in frozen]
        call.printer.answer({"environment": folder.name, "packages": packages})
    else:
        call.printer.result(as_requirements(frozen).rstrip("\n"))
    return DONE


def _chosen(call: Call, name: str | None, otherwise: Path | None) -> Path:
    folder = environments.find(call.workspace, name) if name is not None else otherwise
    if folder is None or not folder.is_dir():
        raise LauncherError(
            "not-installed",
            t("There is no engine environment yet."),
            t("Run `gesso install`, or `gesso up`, which does both."),
        )
    return folder


VERB = Verb(
    actions={
        "list": Action(t("what there is, on the disk and shared, and what changed since it last worked"), _list),
        "create": Action(t("make one beside the others, and prove it"), _create, _add_create),
        "repair": Action(t("name what is broken, and build the same again beside it"), _repair, _add_repair),
        "switch": Action(t("make one the current one"), _switch, _add_name),
        "rollback": Action(t("back to the one before"), _rollback),
        "remove": Action(t("delete one that is not in use"), _remove, _add_remove),
        "freeze": Action(t("its exact versions and hashes; with --pack all that it needs"), _freeze, _add_freeze),
    }
)
