"""`gesso profiles`: run profiles listed, shown with their command line, saved and deleted."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from launcher.core.environments.environments import installed
from launcher.core.errors import LauncherError
from launcher.core.hardware import look as hardware
from launcher.core.hardware.look import cards_in_use
from launcher.core.paths import written_path
from launcher.core.plan.options import Options
from launcher.core.profiles.files import delete_profile, draft_profile, write_draft
from launcher.core.profiles.flag_names import in_full
from launcher.core.profiles.flag_words import masked, masked_variables
from launcher.core.profiles.run_profiles import (
    ATTENTION_FLAGS,
    Known,
    RunProfile,
    known_profiles,
    parents_of,
    read_run_profile,
)
from launcher.core.profiles.webui_user import WebuiUser, read_webui_user
from launcher.core.proposal import Proposal, propose
from launcher.core.serving.results import RunResult, read_results
from launcher.core.text import Text, moment, t
from launcher.descriptions import of_command
from launcher.verb import DONE, Action, Call, UsageError, Verb, Words


def _list(call: Call) -> int:
    results = read_results(call.workspace)
    known = known_profiles(_folder(call))
    if call.printer.json:
        call.printer.answer({"profiles": [_record(call, each, results.get(each.name)) for each in known]})
        return DONE
    for each in known:
        call.printer.result(_headline(each))
        if each.trouble:
            call.printer.result(t("    cannot be used: {why}", why=each.trouble.message))
        if result := results.get(each.name):
            call.printer.result(t("    {result}", result=of_result(result)))
    return DONE


def _show(call: Call) -> int:
    name = call.arguments.words.name
    profile = read_run_profile(name, _folder(call))
    known = next(each for each in known_profiles(_folder(call)) if each.name == name)
    result = read_results(call.workspace).get(name)
    if call.printer.json:
        proposal = _proposed(call, name)
        command = {"command": list(proposal.command.shown), "variables": proposal.command.shown_variables}
        call.printer.answer(_record(call, known, result) | command | {"extends": list(parents_of(name, _folder(call)))})
        return DONE
    call.printer.result(_headline(known))
    call.printer.result(t("    {file}", file=known.file))
    for key, value in _settings(profile).items():
        call.printer.result(f"    {key} = {value}")
    if result:
        call.printer.result(t("    {result}", result=of_result(result)))
    proposal = _proposed(call, name)
    for finding in proposal.plan.findings:
        if finding.slug in ("flags-contradict", "flags-refused", "password-made", "unprotected-remote"):
            call.printer.aside(finding.message)
    for line in of_command(proposal.command):
        call.printer.result(line)
    return DONE


def _save(call: Call) -> int:
    words = call.arguments.words
    given = RunProfile(flags=in_full(call.arguments.options.runtime_flags))
    left: tuple[Text, ...] = ()
    if words.from_webui_user is not None:
        given, left = _taken_over(call, words.from_webui_user, given)
    said = {key: getattr(words, key) for key in _KEYS if getattr(words, key) is not None}
    variables = dict(_variable(word) for word in words.set or ())
    given = replace(given, **said, environment={**given.environment, **variables})
    if words.auth:
        given = replace(given, auth=tuple(words.auth))
    if words.gpu is not None:
        given = replace(given, gpu=_card(call, words.gpu))
    draft = draft_profile(_folder(call), words.name, given, afresh=words.afresh or words.from_webui_user is not None)
    proposal = propose(call.workspace, Options(profile=words.name), installed(call.workspace), profile=draft.profile)
    file = write_draft(draft)
    known = next(each for each in known_profiles(_folder(call)) if each.file == file)
    if call.printer.json:
        left_out = [call.printer.text(each) for each in left]
        call.printer.answer(_record(call, known, None) | ({"left": left_out} if words.from_webui_user else {}))
        return DONE
    call.printer.result(t("Saved: {file}", file=file))
    if known.shadows:
        call.printer.result(t('It counts instead of the profile "{name}" that came with Gesso.', name=known.name))
    for line in of_command(proposal.command):
        call.printer.result(line)
    return DONE


def _delete(call: Call) -> int:
    name = call.arguments.words.name
    file = delete_profile(_folder(call), name)
    back = any(each.name == name for each in known_profiles(_folder(call)))
    if call.printer.json:
        call.printer.answer({"deleted": str(file), "shipped": back})
        return DONE
    call.printer.result(t("Deleted: {file}", file=file))
    if back:
        call.printer.result(t('The profile "{name}" that came with Gesso counts again.', name=name))
    return DONE


def of_result(result: RunResult) -> Text:
    """One sentence about the last start."""
    if result.failed or result.seconds is None:
        why = result.why or result.failed
        return t("Started {when}: failed ({why})", when=moment(result.started), why=why) if why else t(
            "Started {when}: was not ready", when=moment(result.started))  # fmt: skip
    said = t("Started {when}: it answered after {seconds} s, no model was ready.", when=moment(result.started),
             seconds=result.seconds)  # fmt: skip
    if result.model_seconds is not None:
        ready = max(result.seconds, result.model_seconds)
        said = t("Started {when}: ready after {seconds} s.", when=moment(result.started), seconds=ready)
    if result.peak_vram_mib:
        said = t("{first} {second}", first=said, second=t("Video memory at most: {mib} MiB.", mib=result.peak_vram_mib))
    if result.out_of_memory:
        said = t("{first} {second}", first=said, second=t("Memory ran out."))
    return said


def _headline(known: Known) -> Text:
    title = t(known.profile.title) if known.profile and known.profile.title else t("without a title")
    whose = t("yours, instead of the one that came with Gesso") if known.shadows else t("yours")
    return t(
        "{name}: {title} ({whose})", name=known.name, title=title, whose=whose if known.own else t("came with Gesso")
    )


def _settings(profile: RunProfile) -> dict[str, Any]:
    """What it says, passwords hidden."""
    record = asdict(profile)
    record["auth"] = [f"{account.partition(':')[0]}:***" for account in profile.auth]
    record["flags"] = list(masked(profile.flags))
    record["environment"] = masked_variables(profile.environment)
    hidden = {"title", "why"}
    return {key: value for key, value in record.items() if key not in hidden and value not in (None, (), [], {}, "")}


def _record(call: Call, known: Known, result: RunResult | None) -> dict[str, Any]:
    trouble = known.trouble and {"code": known.trouble.code, "message": call.printer.text(known.trouble.message)}
    profile = known.profile or RunProfile()
    return {
        "name": known.name,
        "file": str(known.file),
        "own": known.own,
        "shadows": known.shadows,
        "title": call.translate(profile.title),
        "why": call.translate(profile.why),
        "settings": _settings(profile),
        "error": trouble,
        "last": result and asdict(result),
    }


def _proposed(call: Call, name: str) -> Proposal:
    return propose(call.workspace, Options(profile=name), installed(call.workspace))


def _taken_over(call: Call, place: str, given: RunProfile) -> tuple[RunProfile, tuple[Text, ...]]:
    """What is there as a profile, and what is to be said of the rest."""
    found = read_webui_user(written_path(place), system="windows" if sys.platform == "win32" else "other")
    profile, left = _on_a_card_here(call, found.profile)
    told = (*found.left, *left, *_about_programs(found))
    for sentence in told:
        call.printer.aside(sentence)
    environment = dict(found.profile.environment)
    if found.python and shutil.which(found.python):
        environment["PYTHON"] = found.python
    return replace(profile, flags=profile.flags + given.flags, environment=environment), told


def _on_a_card_here(call: Call, profile: RunProfile) -> tuple[RunProfile, tuple[Text, ...]]:
    """The card that the old install drew on by its UUID, where there is one of that number."""
    if profile.gpu is None:
        return profile, ()
    try:
        return replace(profile, gpu=_card(call, profile.gpu)), ()
    except LauncherError as error:
        left = t("--device-id is not taken over: {why}", why=error.message)
        return replace(profile, gpu=None), (left,)


def _about_programs(found: WebuiUser) -> Iterator[Text]:
    if found.python and shutil.which(found.python):
        yield t("PYTHON is taken over: Gesso makes its environment with {value}.", value=found.python)
    elif found.python:
        yield t("PYTHON is not taken over: there is no {value} on this computer.", value=found.python)
    if found.venv:
        yield t("VENV_DIR is {value} there. It belongs to the old install; Gesso makes its own environment.",
                value=found.venv)  # fmt: skip
    if found.git:
        yield t("GIT is {value} there. Gesso needs git only to update itself.", value=found.git)


def _card(call: Call, wanted: str) -> str:
    """By UUID where it is known: another card in the computer may change every index."""
    (card,) = cards_in_use(hardware.look(call.workspace.root), wanted)
    return card.uuid or wanted


def _variable(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise UsageError(t("--set needs NAME=VALUE, not {word}.", word=word))
    return name, value


def _folder(call: Call) -> Path:
    return call.workspace.root / "profiles"


_KEYS = (
    "title",
    "extends",
    "gpu",
    "memory",
    "attention",
    "port",
    "listen",
    "share",
    "auth_file",
    "model",
    "theme",
    "language",
)


def _name(words: Words) -> None:
    words.add("name", t("name of the profile"), metavar="NAME")


def _save_words(words: Words) -> None:
    _name(words)
    words.add("--from-webui-user", t("take over webui-user.sh or .bat of an old install"), metavar="FILE|DIR")
    words.add("--afresh", t("in place of what it says now: what is not given is taken out"), action="store_true")
    words.add("--extends", t("the profile that it is built on"), metavar="NAME")
    words.add("--title", t("what it is for"), metavar="TEXT")
    words.add("--gpu", t("the card to use"), metavar="INDEX|UUID")
    words.add("--memory", t("a memory profile: how to fit the card"), metavar="MODE")
    words.add("--attention", t("how attention is computed"), choices=list(ATTENTION_FLAGS))
    words.add("--port", t("the port to serve on"), type=_port, metavar="N")
    for name, does in (
        ("listen", t("let other computers in, with a password")),
        ("share", t("a public link, with a password")),
    ):
        words.add(f"--{name}", does, dest=name, action="store_true", default=None)
        words.add(f"--no-{name}", t("not that, though what it is built on says so"), dest=name, action="store_false",
                  default=None)  # fmt: skip
    words.add("--auth", t("who may come in; may be given several times"), action="append", metavar="NAME:PASSWORD")
    words.add("--auth-file", t("a file of such lines"), metavar="FILE")
    words.add("--model", t("the checkpoint to begin with"), metavar="FILE")
    words.add("--theme", t("light or dark"), choices=["light", "dark"])
    words.add("--page-language", t("the page's language: zh_CN, en …"), dest="language", metavar="NAME")
    words.add(
        "--set", t("a variable for the runtime; may be given several times"), action="append", metavar="NAME=VALUE"
    )


def _port(word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise UsageError(t("--port needs a number from 1 to 65535, not {word}.", word=word))
    return int(word)


VERB = Verb(
    actions={
        "list": Action(t("what there is, and how the last start with each went"), _list),
        "show": Action(t("one of them, with the exact command line"), _show, _name),
        "save": Action(
            t("keep what is given under a name; flags for the runtime come after two dashes"), _save, _save_words
        ),
        "delete": Action(t("take one of your own away"), _delete, _name),
    },
    serves=True,
)
