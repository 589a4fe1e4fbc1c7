"""`gesso models link` and `unlink`: another program's install, used where it lies."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.models.linking import link, unlink
from launcher.core.models.links import read_links
from launcher.core.profiles.files import save_profile
from launcher.core.profiles.run_profiles import RunProfile, known_profiles
from launcher.core.profiles.webui_user import read_webui_user
from launcher.core.text import t
from launcher.model_carrying import library_of, print_all
from launcher.model_words import install_record, of_install, of_links, plain
from launcher.verb import DONE, Action, Call, Words


def _link(call: Call) -> int:
    words = call.arguments.words
    if words.folder is None:
        links = read_links(call.workspace)
        if call.printer.json:
            installs = [install_record(install) for install in links.installs]
            call.printer.answer({"links": installs, "absent": [str(place) for place in links.absent]})
        else:
            print_all(call, of_links(links))
        return DONE
    install = link(call.workspace, Path(words.folder), outputs=not words.no_outputs)
    profile = None if words.no_profile or install.webui_user is None else _profile(call, install.root)
    homes = {shelf.home for shelf in install.shelves}
    count = sum(model.home in homes for model in library_of(call).models)
    if call.printer.json:
        call.printer.answer({"linked": install_record(install), "models": count, "profile": profile})
        return DONE
    print_all(call, of_install(replace(install, outputs=None if words.no_outputs else install.outputs), count))
    if profile:
        call.printer.result(t("  its start options: `gesso up --profile {name}`", name=profile))
    call.printer.aside(t("Nothing was copied or changed there. It counts from the next start on."))
    return DONE


def _profile(call: Call, root: Path) -> str | None:
    """The old install's start options as a run profile of its name; None where it has none, or one is there already."""
    own = call.workspace.root / "profiles"
    name = "".join(one if one.isalnum() else "-" for one in root.name).strip("-")[:64] or "linked"
    if any(each.name == name for each in known_profiles(own)):
        return name
    with suppress(LauncherError):
        found = read_webui_user(root, system="windows" if os.name == "nt" else "other")
        if found.profile != RunProfile():
            for sentence in found.left:
                call.printer.aside(sentence)
            save_profile(own, name, found.profile)
            return name
    return None


def _unlink(call: Call) -> int:
    place = unlink(call.workspace, Path(call.arguments.words.folder))
    if call.printer.json:
        call.printer.answer({"unlinked": str(place)})
    else:
        call.printer.result(t("{folder} is no longer used. Everything in it is as it was.", folder=plain(str(place))))
    return DONE


def _link_words(words: Words) -> None:
    words.add("folder", t("the folder of A1111, Forge, ComfyUI or a package of them; none: what is linked"),
              nargs="?", metavar="DIR")  # fmt: skip
    words.add("--no-outputs", t("keep new pictures in Gesso's own folder"), action="store_true")
    words.add("--no-profile", t("do not take over its start options"), action="store_true")


def _unlink_words(words: Words) -> None:
    words.add("folder", t("a folder that `gesso models link` names"), metavar="DIR")


LINK = Action(t("use another program's install where it lies"), _link, _link_words)
UNLINK = Action(t("use it no longer; nothing is deleted"), _unlink, _unlink_words)
