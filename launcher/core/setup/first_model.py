"""The model step: the demo model now, one of the catalogue, or what another program's install has already."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from pathlib import Path

import psutil

from launcher.amounts import in_bytes
from launcher.core.events import Event
from launcher.core.hardware.inquiry import Inquiry
from launcher.core.models.addresses import find_ways
from launcher.core.models.catalogue import Catalogue, Entry, offered, read_catalogue
from launcher.core.models.fetch import check_room, fetch, remaining, target_of
from launcher.core.models.linking import link
from launcher.core.models.other_installs import OtherInstall, find_installs
from launcher.core.paths import Workspace, checkout
from launcher.core.settings import read_settings
from launcher.core.setup.expectations import read_expectations
from launcher.core.setup.question import Choice, Question
from launcher.core.text import Text, t

DEMO = "demo"
#: begins the name of a choice that links; the folder follows
LINK = "link:"
#: seconds to look for other installs
_PATIENCE = 4.0
_MOST_INSTALLS = 4
_PROGRAMS = {"a1111": "AUTOMATIC1111", "forge": "Forge", "comfyui": "ComfyUI"}


def other_installs(workspace: Workspace) -> tuple[OtherInstall, ...]:
    """Installs of other programs in the usual places: beside the checkout, in the home folder, at the top of each
    disk. Reads only; a few seconds at the most.
    """
    asked = [Inquiry(partial(find_installs, folder)) for folder in dict.fromkeys(_usual_places())]
    found = {install.root: install for inquiry in asked for install in inquiry.within(_PATIENCE) or ()}
    linked = read_settings(workspace).models.linked
    others = [each for root, each in found.items() if root != workspace.root and str(root) not in linked]
    return tuple(others[:_MOST_INSTALLS])


def model_question(
    workspace: Workspace,
    vram_mib: int | None,
    installs: tuple[OtherInstall, ...] = (),
    catalogue: Catalogue | None = None,
) -> Question:
    """The demo model is the default: a picture now, whatever the line. `vram_mib` None: the processor draws."""
    catalogue = catalogue or read_catalogue()
    demo = Choice(DEMO, t("The demo model, now"), (t("it is there already and draws coloured shapes in seconds"),))
    entries = [catalogue.find(name) for name in read_expectations().models]
    linked = [_linked(install) for install in installs]
    choices = (demo, *linked, *(_entry(workspace, entry, vram_mib) for entry in entries))
    return Question(t("Which model shall draw first? Others can be added at any time."), choices, DEMO)


def take_model(
    workspace: Workspace,
    choice: str,
    *,
    cancel: threading.Event | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Generator[Event, None, None]:
    """Have it: fetched, or linked where it lies. What was fetched in part is continued by the next call.

    LauncherError as of `fetch` and `link`.
    """
    if choice.startswith(LINK):
        link(workspace, Path(choice.removeprefix(LINK)))
    elif choice != DEMO:
        entry = read_catalogue().find(choice)
        target_of(workspace, entry).parent.mkdir(parents=True, exist_ok=True)
        check_room(workspace, [entry])
        yield from fetch(workspace, [entry], find_ways(workspace, environ), cancel=cancel)


def _linked(install: OtherInstall) -> Choice:
    title = t("What {program} has already", program=_PROGRAMS[install.program])
    detail = t("{folder}; used where it lies, nothing is copied", folder=install.root)
    return Choice(f"{LINK}{install.root}", title, (detail,))


def _entry(workspace: Workspace, entry: Entry, vram_mib: int | None) -> Choice:
    left = remaining(workspace, [entry])
    size = t("{size} to fetch", size=in_bytes(left)) if left else t("there already")
    licence = entry.licence if entry.licence_known else t("not known; the publisher's page says it")
    facts = t("{size}, licence: {licence}, from {hosts}", size=size, licence=licence, hosts=", ".join(_hosts(entry)))
    note = (t(entry.note),) if entry.note else ()
    return Choice(entry.name, Text("{model}", (("model", entry.stem),)), (*note, facts, _fits(entry, vram_mib)))


def _fits(entry: Entry, vram_mib: int | None) -> Text:
    if vram_mib is None:
        return t("the processor would draw it: minutes for each picture")
    if entry in offered([entry], vram_mib):
        return t("fits this card")
    return t("made for cards from {gib} GB: slow on this one", gib=entry.vram_gib)


def _hosts(entry: Entry) -> list[str]:
    names = {"huggingface": "Hugging Face", "modelscope": "ModelScope", "civitai": "Civitai"}
    return list(dict.fromkeys(names.get(place.host, "GitHub") for place in entry.locations))


def _usual_places() -> Iterator[Path]:
    home = Path("~").expanduser()
    yield from (checkout().parent, home, home / "Documents", home / "Downloads")
    for part in Inquiry(lambda: psutil.disk_partitions(all=False)).within(_PATIENCE) or ():
        if Path(part.mountpoint) != Path("/"):
            yield Path(part.mountpoint)
