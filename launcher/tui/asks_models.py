"""What the models' screens ask of core: the library, the catalogue, and what is done with files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.core.events import Event
from launcher.tui.asks import Place
from launcher.tui.jobs import Cancel

if TYPE_CHECKING:
    from launcher.core.models.add import Added
    from launcher.core.models.catalogue import Entry
    from launcher.core.models.entry import Library, Model
    from launcher.core.models.other_installs import OtherInstall
    from launcher.core.models.verify import Verdict


@dataclass(frozen=True)
class Offer:
    """A file of the catalogue."""

    entry: Entry
    #: its bytes lie here already
    have: bool
    #: the card is large enough for it, as far as its memory is known
    suits: bool


@dataclass(frozen=True)
class ModelsAsks:
    """Both screens'."""

    look: Callable[[Cancel], Generator[Event, None, Library]]
    #: hashes what has none, then looks again
    hash: Callable[[Library, Cancel], Generator[Event, None, Library]]
    verify: Callable[[Sequence[Model], Cancel], Generator[Event, None, tuple[Verdict, ...]]]
    #: the new file
    convert: Callable[[Model, Cancel], Generator[Event, None, Path]]
    #: a path or an address
    add: Callable[[str, Cancel], Generator[Event, None, Added]]
    link: Callable[[str], OtherInstall]
    #: the place that is used no longer
    unlink: Callable[[str], Path]
    offers: Callable[[Cancel], Generator[Event, None, tuple[Offer, ...]]]
    fetch: Callable[[Sequence[Entry], Cancel], Generator[Event, None, None]]

    @classmethod
    def real(cls, place: Place) -> ModelsAsks:
        """Core itself."""
        from launcher.core.models import convert, linking
        from launcher.core.models.catalogue import read_catalogue
        from launcher.core.models.library import read_library
        from launcher.core.models.verify import verify

        workspace = place.workspace
        return cls(
            look=lambda cancel: read_library(workspace, cancel=cancel),
            hash=lambda library, cancel: _hash(place, library, cancel),
            verify=lambda models, cancel: verify(workspace, models, read_catalogue(), cancel=cancel),
            convert=lambda model, cancel: convert.convert(workspace, model.path, cancel=cancel),
            add=lambda source, cancel: _add(place, source, cancel),
            link=lambda folder: linking.link(workspace, Path(folder)),
            unlink=lambda folder: linking.unlink(workspace, Path(folder)),
            offers=lambda cancel: _offers(place, cancel),
            fetch=lambda entries, cancel: _fetch(place, entries, cancel),
        )


def _hash(place: Place, library: Library, cancel: Cancel) -> Generator[Event, None, Library]:
    from launcher.core.models.hashing import hash_models
    from launcher.core.models.library import read_library

    yield from hash_models(place.workspace, library.models, cancel=cancel)
    return (yield from read_library(place.workspace, cancel=cancel))


def _add(place: Place, source: str, cancel: Cancel) -> Generator[Event, None, Added]:
    from launcher.core.models.add import add_file, add_url
    from launcher.core.models.addresses import find_ways

    if "://" in source:
        ways = find_ways(place.workspace, os.environ)
        return (yield from add_url(place.workspace, source, ways, cancel=cancel))
    return (yield from add_file(place.workspace, Path(source), cancel=cancel))


def _offers(place: Place, cancel: Cancel) -> Generator[Event, None, tuple[Offer, ...]]:
    from launcher.core.hardware import look as hardware
    from launcher.core.models.catalogue import offered, read_catalogue
    from launcher.core.models.fetch import there
    from launcher.core.models.library import read_library

    library = yield from read_library(place.workspace, cancel=cancel)
    cards = hardware.look(place.workspace.root).gpus
    memory = max((card.vram_total_mib for card in cards if card.vram_total_mib), default=None)
    every = read_catalogue().file
    suit, have = set(offered(every, memory)), there(place.workspace, library)
    return tuple(Offer(entry, entry.sha256 in have, entry in suit) for entry in every)


def _fetch(place: Place, entries: Sequence[Entry], cancel: Cancel) -> Generator[Event, None, None]:
    from launcher.core.models.addresses import find_ways
    from launcher.core.models.fetch import check_room, fetch, present
    from launcher.core.models.library import read_library

    library = yield from read_library(place.workspace, cancel=cancel)
    lying = yield from present(place.workspace, library, entries, cancel=cancel)
    absent = [entry for entry in entries if entry.sha256 not in lying]
    check_room(place.workspace, absent)
    yield from fetch(place.workspace, absent, find_ways(place.workspace, os.environ), cancel=cancel)
