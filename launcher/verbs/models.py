"""`gesso models`: the library listed, files fetched, added, verified, converted; other installs linked in place."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

from launcher.amounts import in_bytes
from launcher.core.errors import LauncherError
from launcher.core.hardware import look as hardware
from launcher.core.models.add import add_file, add_url
from launcher.core.models.addresses import find_ways
from launcher.core.models.catalogue import Entry, offered, read_catalogue
from launcher.core.models.convert import convert
from launcher.core.models.entry import Library, Model
from launcher.core.models.fetch import check_room, fetch, present, target_of, there
from launcher.core.models.kind import KINDS
from launcher.core.models.library import find_models
from launcher.core.models.shelves import HOMES
from launcher.core.models.verify import verify
from launcher.core.paths import written_path
from launcher.core.text import t
from launcher.model_carrying import hashed_library, library_of, print_all
from launcher.model_words import (
    UNUSED,
    entry_record,
    licence,
    model_record,
    of_entry,
    of_library,
    of_verdict,
    plain,
    problem_record,
    refused_record,
)
from launcher.serving import signals_cancel
from launcher.verb import DONE, FAILED, Action, Call, UsageError, Verb, Words
from launcher.verbs.model_links import LINK, UNLINK


def _list(call: Call) -> int:
    if call.arguments.words.catalogue:
        return _catalogue(call)
    library = hashed_library(call) if call.arguments.words.hash else library_of(call)
    every = len(library.models)
    library = replace(library, models=tuple(model for model in library.models if _asked_for(call, model)))
    if call.printer.json:
        call.printer.answer(
            {
                "models": [model_record(model, read_catalogue(), call.printer.text) for model in library.models],
                "refused": [refused_record(place, call.printer.text) for place in library.refused],
                "wasted": library.wasted,
                "opened": library.opened,
            }
        )
        return DONE
    if every and not library.models:
        call.printer.result(t("None of the {count} models is so.", count=every))
        return DONE
    print_all(call, of_library(library, read_catalogue()))
    return DONE


def _asked_for(call: Call, model: Model) -> bool:
    words = call.arguments.words
    kind = words.kind is None or model.kind == words.kind
    family = words.family is None or model.facts.family == words.family
    return kind and family and (not words.problems or bool(model.problems or model.duplicate_of))


def _catalogue(call: Call) -> int:
    words = call.arguments.words
    file = call.arguments.simulate
    machine = hardware.simulate(file) if file else hardware.look(call.workspace.root)
    memory = max((card.vram_total_mib for card in machine.gpus if card.vram_total_mib), default=None)
    entries = [
        entry for entry in offered(read_catalogue().file, None if words.all else memory)
        if words.kind in (None, entry.kind) and words.family in (None, entry.family)
    ]  # fmt: skip
    have = there(call.workspace, library_of(call))
    if call.printer.json:
        records = [entry_record(entry, entry.sha256 in have, call.printer.text) for entry in entries]
        call.printer.answer({"catalogue": records, "vram_mib": memory, "checked": read_catalogue().checked})
        return DONE
    for entry in entries:
        print_all(call, of_entry(entry, entry.sha256 in have))
    if not entries:
        call.printer.result(t("The catalogue has nothing of the kind."))
    hidden = len(read_catalogue().file) - len(entries)
    if hidden and not words.all and words.kind is None and words.family is None:
        call.printer.aside(t("{count} more are for larger cards; --all shows them.", count=hidden))
    call.printer.aside(t("`gesso models download NAME` fetches one."))
    return DONE


def _download(call: Call) -> int:
    entries = list(dict.fromkeys(read_catalogue().find(name) for name in call.arguments.words.name))
    library = library_of(call)
    with signals_cancel() as cancel:
        lying = call.through(present(call.workspace, library, entries, cancel=cancel))
    todo = [entry for entry in entries if entry.sha256 not in lying]
    for entry in entries:
        if entry.sha256 in lying:
            call.printer.aside(
                t("{name} is there already: {file}", name=entry.name, file=plain(str(lying[entry.sha256])))
            )
    if todo and not _agreed(call, todo):
        return DONE
    if todo:
        check_room(call.workspace, todo)
        ways = find_ways(call.workspace, os.environ)
        with signals_cancel() as cancel:
            call.through(fetch(call.workspace, todo, ways, cancel=cancel))
    answer = {entry.name: str(lying.get(entry.sha256) or target_of(call.workspace, entry)) for entry in entries}
    if call.printer.json:
        files = [{"name": name, "path": path} for name, path in answer.items()]
        call.printer.answer({"downloaded": [entry.name for entry in todo], "files": files})
    else:
        print_all(call, (t("{name}: {file}", name=name, file=plain(path)) for name, path in answer.items()))
    return DONE


def _agreed(call: Call, entries: list[Entry]) -> bool:
    """The licence stands before the first byte."""
    for entry in entries:
        call.printer.aside(
            t("{name}: {size}, licence: {licence}", name=entry.name, size=in_bytes(entry.bytes), licence=licence(entry))
        )
        if entry.note:
            call.printer.aside(t("      {note}", note=t(entry.note)))
        if entry.kind in UNUSED:
            call.printer.aside(t("      Gesso keeps it in its folder and does not use it yet."))
    return call.agrees(t("Shall this be done?"))


def _add(call: Call) -> int:
    words = call.arguments.words
    source: str = words.source
    with signals_cancel() as cancel:
        if "://" in source:
            ways = find_ways(call.workspace, os.environ)
            added = call.through(
                add_url(
                    call.workspace,
                    source,
                    ways,
                    kind=words.kind,
                    name=words.name,
                    sha256=_sha256(words.sha256),
                    cancel=cancel,
                ),
            )
        else:
            if words.sha256:
                raise UsageError(t("--sha256 is for addresses; `gesso models verify` checks a file."))
            added = call.through(
                add_file(
                    call.workspace, Path(source), kind=words.kind, name=words.name, copy=words.copy, cancel=cancel
                ),
            )
    how = {
        "there": t("{file} was there already.", file=plain(str(added.path))),
        "linked": t("{file} shares its bytes with the original: no space was taken.", file=plain(str(added.path))),
        "copied": t("Copied to {file}.", file=plain(str(added.path))),
        "downloaded": t("Downloaded to {file}.", file=plain(str(added.path))),
    }[added.how]
    if call.printer.json:
        problems = [problem_record(problem, call.printer.text) for problem in added.facts.problems]
        call.printer.answer({"path": str(added.path), "kind": added.kind, "family": added.facts.family,
                             "how": added.how, "sha256": added.sha256, "verified": added.verified,
                             "problems": problems})  # fmt: skip
        return DONE
    call.printer.result(how)
    print_all(call, (t("{what} {hint}", what=one.message, hint=one.hint) for one in added.facts.problems))
    return DONE


def _sha256(given: str | None) -> str | None:
    if given is None or (len(given) == 64 and all(one in "0123456789abcdef" for one in given.lower())):
        return given.lower() if given else None
    raise UsageError(t("--sha256 needs 64 hexadecimal digits, not {given}.", given=given))


def _verify(call: Call) -> int:
    models = find_models(library_of(call), call.arguments.words.name)
    with signals_cancel() as cancel:
        verdicts = call.through(verify(call.workspace, models, read_catalogue(), cancel=cancel))
    if call.printer.json:
        call.printer.answer(
            {
                "verified": [
                    {"name": one.model.name, "path": str(one.model.path), "state": one.state, "sound": one.sound,
                     "sha256": one.sha256, "message": call.printer.text(one.sentence)}
                    for one in verdicts
                ]
            }
        )  # fmt: skip
    else:
        print_all(call, (of_verdict(one) for one in verdicts) if verdicts else of_library(Library(), read_catalogue()))
    return DONE if all(one.sound for one in verdicts) else FAILED


def _convert(call: Call) -> int:
    name: str = call.arguments.words.name
    source = _file(name) or find_models(library_of(call), [name])[0].path
    with signals_cancel() as cancel:
        target = call.through(convert(call.workspace, source, cancel=cancel))
    if call.printer.json:
        call.printer.answer({"source": str(source), "path": str(target)})
    else:
        call.printer.result(t("Converted: {file}", file=plain(str(target))))
        call.printer.result(t("The original is still there: {file}", file=plain(str(source))))
    return DONE


def _file(name: str) -> Path | None:
    """The file that `name` is the path of; a model may be called what no path is."""
    with contextlib.suppress(LauncherError):
        path = written_path(name)
        return path.absolute() if path.is_file() else None
    return None


def _kinds(words: Words) -> None:
    words.add("--kind", t("only this kind: {kinds}", kinds=", ".join(KINDS)), choices=KINDS, metavar="KIND")


def _list_words(words: Words) -> None:
    _kinds(words)
    words.add("--family", t("only this family: sd1, sd2, sdxl …"), metavar="FAMILY")
    words.add("--problems", t("only what is broken, misplaced or there twice"), action="store_true")
    words.add("--hash", t("hash what has no hash yet; may take long, and can be stopped"), action="store_true")
    words.add("--catalogue", t("what can be downloaded, as it suits the card"), action="store_true")
    words.add("--all", t("with --catalogue: for larger cards too"), action="store_true")
    words.simulate()


def _download_words(words: Words) -> None:
    words.add("name", t("names from `gesso models list --catalogue`"), nargs="+", metavar="NAME")
    words.yes()


def _add_words(words: Words) -> None:
    kinds = [kind for kind in KINDS if kind in HOMES]
    words.add("source", t("a file, or an address of Hugging Face, Civitai or elsewhere"), metavar="FILE|URL")
    words.add("--kind", t("what it is, where its content does not say: {kinds}", kinds=", ".join(kinds)),
              choices=kinds, metavar="KIND")  # fmt: skip
    words.add("--name", t("what the file is to be called"), metavar="NAME")
    words.add("--copy", t("copy it even where it could share its bytes with the original"), action="store_true")
    words.add("--sha256", t("what the address is known to hold"), metavar="DIGITS")


def _verify_words(words: Words) -> None:
    words.add("name", t("names, files or hashes; otherwise everything"), nargs="*", metavar="NAME")


def _convert_words(words: Words) -> None:
    words.add("name", t("a .ckpt, .pt, .pth or .bin, by name or path"), metavar="NAME|FILE")


VERB = Verb(
    actions={
        "list": Action(t("what is there, and with --catalogue what can be fetched"), _list, _list_words),
        "download": Action(t("fetch models of the catalogue"), _download, _download_words),
        "add": Action(t("put a file, or what lies at an address, into its folder"), _add, _add_words),
        "verify": Action(t("are the bytes the right ones?"), _verify, _verify_words),
        "convert": Action(t("a pickle as safetensors; the original stays"), _convert, _convert_words),
        "link": LINK,
        "unlink": UNLINK,
    }
)
