"""`gesso mirrors`: the places that files come from: listed, measured, chosen, and why which one counts."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict
from typing import Any, TypeVar

from launcher.core.environments.environments import installed
from launcher.core.events import Event, Notice
from launcher.core.network.mirror_choice import MEASURED, Choice, Circumstances, chosen, look_around, named
from launcher.core.network.mirror_git import take_back, tell_git, written
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_samples import Sample, sample_of_url
from launcher.core.network.mirror_survey import places_named, samples, survey
from launcher.core.network.mirror_table import latest, mirror_table
from launcher.core.network.mirror_verdicts import Verdict
from launcher.core.network.mirror_words import git_base
from launcher.core.network.mirrors import KINDS, Kind, Mirror, kind_of
from launcher.core.network.routes import find_route
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.plan.options import Options
from launcher.core.proposal import propose
from launcher.core.settings import change_setting, read_settings
from launcher.core.text import Text, t
from launcher.core.web_address import is_address, shown
from launcher.serving import signals_cancel
from launcher.verb import DONE, FAILED, Action, Call, UsageError, Verb, Words

T = TypeVar("T")
_KIND = t("packages, torch, huggingface, modelscope, github or python; otherwise all")


def _kinds(call: Call) -> tuple[Kind, ...]:
    word: str | None = call.arguments.words.kind
    return KINDS if word is None else (_kind(word),)


def _kind(word: str) -> Kind:
    for kind in KINDS:
        if kind == word:
            return kind
    raise UsageError(t("There is no kind {kind}; there are: {kinds}.", kind=word, kinds=", ".join(KINDS)))


def _add_kind(words: Words) -> None:
    words.add("kind", _KIND, nargs="?", metavar="KIND")


def _around(call: Call, kinds: tuple[Kind, ...]) -> Circumstances:
    return look_around(call.workspace, os.environ, kinds)


def _list(call: Call) -> int:
    kinds = _kinds(call)
    around = _around(call, kinds)
    if call.printer.json:
        call.printer.answer({"kinds": {kind: _records(call, around, kind) for kind in kinds}})
        return DONE
    for kind in kinds:
        call.printer.result(kind)
        for line in _lines(around, kind):
            call.printer.result(call.printer.text(line).rstrip())
    return DONE


def _records(call: Call, around: Circumstances, kind: Kind) -> list[dict[str, Any]]:
    table = mirror_table(around, kind)
    records = []
    for mirror in table.mirrors:
        verdict = table.measured.of(mirror.name) if table.measured else None
        records.append(
            {
                "name": shown(mirror.name),
                "address": shown(mirror.url) if mirror.url else None,
                "group": mirror.group,
                "official": mirror.official,
                "checked": mirror.checked.isoformat() if mirror.checked else None,
                "note": call.translate(mirror.note) if mirror.note else None,
                "chosen": mirror == table.first,
                "measured": _verdict_record(call, verdict) if verdict else None,
            }
        )
    return records


def _lines(around: Circumstances, kind: Kind) -> Iterator[Text]:
    table = mirror_table(around, kind)
    if table.wrong:
        yield t("    {reason}", reason=table.wrong)
    for mirror in table.mirrors:
        verdict = table.measured.of(mirror.name) if table.measured else None
        yield t(
            "  {mark} {name}  {address}  {fared}",
            mark="*" if mirror == table.first else " ",
            name=shown(mirror.name).ljust(12),
            address=shown(mirror.url or "-").ljust(52),
            fared=_fared(verdict) if verdict else "",
        )
        if mirror.note:
            yield t("      {note}", note=Text(mirror.note))


def _fared(verdict: Verdict) -> Text | str:
    return _rate(verdict) if verdict.usable else verdict.sentence


def _tag(around: Circumstances, kind: Kind) -> str | None:
    measured = latest(around.memory.measurements, kind)
    return measured.key.partition(":")[2] or None if measured else None


def _show(call: Call) -> int:
    kinds = _kinds(call)
    around = _around(call, kinds)
    choices = [chosen(around, kind, _tag(around, kind)) for kind in kinds]
    if call.printer.json:
        call.printer.answer({"kinds": {choice.kind: _choice_record(call, choice) for choice in choices}})
        return DONE
    for choice in choices:
        call.printer.result(_choice_line(choice))
        call.printer.result(t("    {reason}", reason=choice.reason))
    return DONE


def _choice_line(choice: Choice) -> Text:
    names = [shown(mirror.name) for mirror in choice.mirrors]
    if len(names) == 1:
        return t("{kind}: {name}", kind=choice.kind, name=names[0])
    return t("{kind}: {name}; if it fails: {others}", kind=choice.kind, name=names[0], others=", ".join(names[1:]))


def _choice_record(call: Call, choice: Choice) -> dict[str, Any]:
    return {
        "name": shown(choice.first.name),
        "address": shown(choice.first.url) if choice.first.url else None,
        "order": [shown(mirror.name) for mirror in choice.mirrors],
        "basis": choice.basis,
        "reason": call.printer.text(choice.reason),
    }


def _add_test(words: Words) -> None:
    _add_kind(words)
    words.add("--file", t("the official address of the file to ask for"), metavar="URL")
    words.add("--only", t("measure these alone, with commas between"), metavar="NAMES")


def _test(call: Call) -> int:
    address: str | None = call.arguments.words.file
    kinds = _kinds(call)
    around = _around(call, kinds)
    pip = read_pip_settings(os.environ)
    if address is None:
        wanted = _samples(call, around, kinds)
    else:
        wanted = (_sample_of_file(address, call.arguments.words.kind),)
    names: str | None = call.arguments.words.only
    only = None
    if names is not None:
        only = places_named(around, wanted, filter(None, map(str.strip, names.split(","))))
        wanted, kinds = tuple(each for each in wanted if each.kind in only), tuple(only)
    router = find_route(around.mirrors, read_settings(call.workspace).proxy, pip=pip)
    with signals_cancel() as cancel:
        working = survey(
            call.workspace,
            around,
            wanted,
            pip=pip,
            route=router,
            cancel=cancel,
            only=only,
        )
        measured = _aside(call, working)
    if call.printer.json:
        records = [_measurement_record(call, each) for each in measured]
        call.printer.answer({"network": around.network, "measurements": records})
        return _outcome(measured)
    for line in _results(measured):
        call.printer.result(line)
    for kind in kinds if address is None else ():
        if not any(sample.kind == kind for sample in wanted):
            call.printer.result(t("{kind}: nothing has to be fetched from the network for this computer.", kind=kind))
    return _outcome(measured)


def _outcome(measured: tuple[Measurement, ...]) -> int:
    """As `proxy test`: failed where nothing that was asked works."""
    return DONE if not measured or any(each.ranking for each in measured) else FAILED


def _samples(call: Call, around: Circumstances, kinds: tuple[Kind, ...]) -> tuple[Sample, ...]:
    """Torch's file and the engine's Python are what a plan for this computer says."""
    plan = propose(call.workspace, Options(), installed(call.workspace)).plan
    return samples(around, kinds, plan.python, plan.torch)


def _sample_of_file(address: str, word: str | None) -> Sample:
    if not is_address(address):
        raise UsageError(t('"{url}" is no web address: it begins with http:// or https://.', url=shown(address)))
    kind = _kind(word) if word else kind_of(address)
    if kind is None or kind in ("packages", "torch"):
        raise UsageError(
            t("It cannot be told whose file {address} is.", address=shown(address)),
            t("Name the kind, as in `gesso mirrors test huggingface --file URL`; for packages it is found by itself."),
        )
    return sample_of_url(kind, address)


def _aside(call: Call, working: Generator[Event, None, T]) -> T:
    """What work returns; with --json nothing is said on the way."""
    while True:
        try:
            event = next(working)
        except StopIteration as end:
            result: T = end.value
            return result
        if isinstance(event, Notice) and not call.printer.json:
            call.printer.aside(event.text)


def _measurement_record(call: Call, measurement: Measurement) -> dict[str, Any]:
    kind, _, tag = measurement.key.partition(":")
    return {
        "kind": kind,
        "tag": tag or None,
        "file": measurement.sample,
        "at": measurement.at,
        "results": [{"name": each.name, **_verdict_record(call, each)} for each in measurement.verdicts],
    }


def _verdict_record(call: Call, verdict: Verdict) -> dict[str, Any]:
    record = asdict(verdict)
    return {**record, "usable": verdict.usable, "sentence": call.printer.text(verdict.sentence)}


def _results(measured: Iterable[Measurement]) -> Iterator[Text]:
    for each in measured:
        yield t("{kind}, asked for {file}:", kind=each.key, file=each.sample)
        ranked = each.ranking
        for verdict in (*ranked, *(one for one in each.verdicts if one not in ranked)):
            name = verdict.name.ljust(12)
            yield t("    {name}  {rate}  {sentence}", name=name, rate=_rate(verdict), sentence=verdict.sentence)


def _rate(verdict: Verdict) -> str:
    rate = f"{verdict.rate / 1e6:.1f} MB/s" if verdict.usable and verdict.rate else "-"
    return rate.rjust(12)


def _add_use(words: Words) -> None:
    words.add("kind", t("packages, torch, huggingface, modelscope, github or python"), metavar="KIND")
    words.add(
        "name",
        t("a name from the list, an address, `official`, or `measured` to take a choice back"),
        metavar="NAME|ADDRESS",
    )
    words.add("--for-git", t("also for your own git, in its global configuration"), action="store_true")


def _use(call: Call) -> int:
    kind, wanted = _kind(call.arguments.words.kind), str(call.arguments.words.name).strip()
    for_git = bool(call.arguments.words.for_git)
    if for_git and kind != "github":
        raise UsageError(t("--for-git is for github alone."))
    around = _around(call, (kind,))
    mirror = None if wanted.lower() == MEASURED else named(around.mirrors, kind, wanted)
    said = [*_git(call, mirror, for_git)] if kind == "github" else []
    change_setting(call.workspace, f"mirrors.{kind}", None if mirror is None else wanted)
    choice = chosen(_around(call, (kind,)), kind)
    if choice.basis == "variable" and mirror is not None:
        said.append(t("It is kept, but something stronger counts now. {reason}", reason=choice.reason))
    if call.printer.json:
        notes = [call.printer.text(each) for each in said]
        record = {"kind": kind, "wanted": shown(wanted), "choice": _choice_record(call, choice), "notes": notes}
        call.printer.answer(record)
        return DONE
    call.printer.result(_choice_line(choice))
    for line in (t("    {reason}", reason=choice.reason), *said):
        call.printer.result(line)
    return DONE


def _git(call: Call, mirror: Mirror | None, for_git: bool) -> Iterator[Text]:
    """Into the user's own git configuration only when asked; what Gesso wrote there goes with the choice."""
    base = git_base(mirror) if mirror else None
    if for_git and base is not None:
        tell_git(call.workspace, base, os.environ)
        yield t("Your git takes {address} in the place of https://github.com/ from now on.", address=shown(base))
        return
    if base != written(call.workspace) and (taken := take_back(call.workspace, os.environ)):
        yield t("Your git no longer takes {address} in the place of https://github.com/.", address=shown(taken))
    if for_git:
        yield t("Your git asks GitHub itself, unless you have told it otherwise.")


VERB = Verb(
    actions={
        "list": Action(t("all mirrors, with what was measured; * is the one that counts"), _list, _add_kind),
        "show": Action(t("which mirror counts, which come after it, and why"), _show, _add_kind),
        "test": Action(t("measure every mirror for the very file that is needed"), _test, _add_test),
        "use": Action(t("choose a mirror, or take a choice back"), _use, _add_use),
    },
)
