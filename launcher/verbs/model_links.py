"""`gesso models link` and `unlink`: another program's install, used where it lies."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.models.linking import link, pictures_in, unlink
from launcher.core.models.links import read_links
from launcher.core.models.other_installs import foreign_pictures
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
            installs = [install_record(one, pictures_in(call.workspace, one)) for one in links.installs]
            call.printer.answer({"links": installs, "absent": [str(place) for place in links.absent]})
        else:
            print_all(call, of_links(links, [pictures_in(call.workspace, one) for one in links.installs]))
        return DONE
    install = link(call.workspace, Path(words.folder), outputs=not words.no_outputs)
    profile = None if words.no_profile or install.webui_user is None else _profile(call, install.root)
    pictures = pictures_in(call.workspace, install)
    folders = [shelf.folder for shelf in install.shelves]
    count = sum(any(map(model.path.is_relative_to, folders)) for model in library_of(call).models)
    if call.printer.json:
        record = install_record(install, pictures)
        call.printer.answer({"linked": record, "models": count, "profile": profile})
        return DONE
    print_all(call, of_install(install, pictures, count))
    for folder in () if words.no_outputs else foreign_pictures(install):
        said = t(
            "  pictures: {folder} is no place of this system; such pictures stay in Gesso's own folder",
            folder=plain(folder),
        )
        call.printer.aside(said)
    if install.outputs and not pictures and not foreign_pictures(install) and not words.no_outputs:
        call.printer.aside(t("  pictures: they stay where you have them go already, not in {folder}",
                             folder=plain(str(install.outputs))))  # fmt: skip
    if profile:
        call.printer.result(t("  its start options: `gesso up --profile {name}`", name=profile))
    call.printer.aside(t("Nothing was copied or changed there. It counts from the next start on."))
    return DONE


def _profile(call: Call, root: Path) -> str | None:
    """The name of the run profile that has the old install's start options; None where there are none."""
    own = call.workspace.root / "profiles"
    with suppress(LauncherError):
        found = read_webui_user(root, system="windows" if os.name == "nt" else "other")
        if found.profile != RunProfile():
            name, there = _name(own, root.name, found.profile)
            if not there:
                for sentence in found.left:
                    call.printer.aside(sentence)
                save_profile(own, name, found.profile)
            return name
    return None


def _name(own: Path, wanted: str, profile: RunProfile) -> tuple[str, bool]:
    """What `profile` is called, or is to be; whether it is there already. Another's name gets a number."""
    known = {each.name.casefold(): each.profile for each in known_profiles(own)}
    stem = "".join(one if one.isalnum() else "-" for one in wanted).strip("-")[:60] or "linked"
    for name in (stem, *(f"{stem}-{number}" for number in range(2, len(known) + 3))):
        if known.get(name.casefold()) == profile:
            return name, True
        if name.casefold() not in known:
            break
    return name, False


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
