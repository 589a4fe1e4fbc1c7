"""What a model wears: networks go into its weights and come off bit by bit as they were.

Weights stay changed between jobs that ask for the same networks; `Wardrobe.wear` brings them to what a job asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from runtime.engine.networks.families import FAMILIES
from runtime.engine.networks.files import LoraFile, LoraFiles
from runtime.engine.networks.fitting import Piece, fit
from runtime.engine.networks.hypernetworks import Hypernetwork, check_family, hooked, read_hypernetwork
from runtime.engine.networks.outfit import Outfit
from runtime.engine.networks.tags import HypernetworkWish, LoraWish, Tag, Wishes, read_tags
from runtime.job_options import JobOptions
from runtime.networks import Loras, NetworkShelves

if TYPE_CHECKING:
    from runtime.engine.memory import Store
    from runtime.engine.model import Model


@dataclass(frozen=True)
class Worn:
    """`hashes`: name as the prompt says it -> 12 digits ("Lora hashes" of an infotext); sentences for the user."""

    hashes: dict[str, str] = field(default_factory=dict)
    comments: tuple[str, ...] = ()
    #: what the option sd_lora adds to the prompt, as an infotext says it: "<lora:NAME:1.0>" or ""
    added: str = ""


class Wardrobe:
    """Held by the worker beside its models; forgets a model when its store is gone."""

    def __init__(self, shelves: NetworkShelves) -> None:
        self._shelves = shelves
        self._files = LoraFiles()
        self._outfits: WeakKeyDictionary[Store, Outfit] = WeakKeyDictionary()

    @contextmanager
    def wear(self, model: Model, tags: Sequence[Tag] | None, options: JobOptions) -> Iterator[Worn]:
        """The model with the networks of `tags` (None: with none, whatever the options say), encode and draw inside.

        A file that is not there is a comment; RequestError `network-wrong-family`, `network-unsupported` or
        `network-unreadable` where one cannot be worn, and then nothing is.
        """
        wishes = Wishes() if tags is None else read_tags(tags, options.sd_lora)
        loras = self._shelves.loras() if wishes.loras else Loras()
        outfit = self._outfit(model.store)
        found, comments = self._find(wishes.loras, loras)
        unet = outfit.index.models["unet"][0]
        hypernetworks, missing = self._find_hypernetworks(wishes.hypernetworks)
        comments += missing
        for network, _strength in hypernetworks:
            check_family(network, unet, model.title, FAMILIES[model.traits.family])
        pieces: list[Piece] = []
        for wish, file in found:
            fitted = fit(file, wish, outfit.index, model)
            pieces += fitted.pieces
            comments += fitted.comments
        outfit.change(pieces)
        hashes = {_plain(wish.name): file.sha12 for wish, file in found}
        named = {tag.items[0] for tag in tags or () if tag.items}
        added = "".join(f"<lora:{wish.name}:1.0>" for wish, _file in found if wish.name not in named)
        with hooked(unet, hypernetworks):
            yield Worn(hashes, (*wishes.comments, *dict.fromkeys(comments)), added)

    def _outfit(self, store: Store) -> Outfit:
        if store not in self._outfits:
            self._outfits[store] = Outfit(store)
        return self._outfits[store]

    def _find(self, wishes: Sequence[LoraWish], loras: Loras) -> tuple[list[tuple[LoraWish, LoraFile]], list[str]]:
        found, comments = [], []
        for wish in wishes:
            lora = loras.find(wish.name)
            if lora is None:
                comments.append(f"There is no LoRA named {wish.name}; its tag is ignored.")
            else:
                found.append((wish, self._files.read(lora.path)))
        return found, comments

    def _find_hypernetworks(
        self, wishes: Sequence[HypernetworkWish]
    ) -> tuple[list[tuple[Hypernetwork, float]], list[str]]:
        files = self._shelves.hypernetworks() if wishes else {}
        found, comments = [], []
        for wish in wishes:
            if wish.name in files:
                found.append((read_hypernetwork(files[wish.name]), wish.strength))
            else:
                comments.append(f"There is no hypernetwork named {wish.name}; its tag is ignored.")
        return found, comments


def _plain(name: str) -> str:
    """The infotext's list of hashes is split at these."""
    return name.replace(":", "").replace(",", "")
