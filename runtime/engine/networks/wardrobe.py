"""What a model wears: networks go into its weights and come off bit by bit as they were.

Weights stay changed between jobs that ask for the same networks; `Wardrobe.wear` brings them to what a job asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from torch.utils.hooks import RemovableHandle

from runtime.engine.networks.families import FAMILIES
from runtime.engine.networks.files import LoraFile, read_lora
from runtime.engine.networks.fitting import Fitted, fit
from runtime.engine.networks.hypernetworks import Hypernetwork, check_family, hook, read_hypernetwork
from runtime.engine.networks.outfit import Outfit
from runtime.engine.networks.recent import Recent
from runtime.engine.networks.tags import HypernetworkWish, LoraWish, Tag, read_tags
from runtime.networks import NetworkShelves
from runtime.request import RequestError

if TYPE_CHECKING:
    from runtime.engine.memory import Store
    from runtime.engine.model import Model
_Found = tuple[LoraWish, LoraFile]


@dataclass(frozen=True)
class Worn:
    """`hashes`: name as the prompt says it -> 12 digits ("Lora hashes" of an infotext); sentences for the user."""

    hashes: dict[str, str] = field(default_factory=dict)
    comments: tuple[str, ...] = ()


class Wardrobe:
    """Held by the worker beside its models; forgets a model when its store is gone."""

    def __init__(self, shelves: NetworkShelves) -> None:
        self._shelves = shelves
        self._read_lora, self._read_hypernetwork = Recent(read_lora), Recent(read_hypernetwork)
        self._outfits: WeakKeyDictionary[Store, Outfit] = WeakKeyDictionary()

    def knows(self, lora: str) -> bool:
        return lora not in ("", "None") and self._shelves.find_lora(lora) is not None

    @contextmanager
    def wear(self, model: Model, tags: Sequence[Tag]) -> Iterator[Worn]:
        """The model with the networks of `tags`, encode and draw inside.

        A file that is not there is a comment; RequestError `network-wrong-family`, `network-unsupported` or
        `network-unreadable` where one cannot be worn, and then nothing is.
        """
        wishes = read_tags(tags)
        found, comments = self._find(wishes.loras)
        hypernetworks, missing = self._find_hypernetworks(wishes.hypernetworks)
        handles, left = self._dress(model, found, hypernetworks)
        # a job may put another model in this one's place before it is done, and there may be room for one alone
        del model
        try:
            yield Worn(
                hashes={_plain(wish.name): file.sha12 for wish, file in found},
                comments=tuple(dict.fromkeys((*wishes.comments, *comments, *missing, *left))),
            )
        finally:
            for handle in handles:
                handle.remove()

    def _dress(
        self, model: Model, loras: Sequence[_Found], hypernetworks: Sequence[tuple[Hypernetwork, float]]
    ) -> tuple[list[RemovableHandle], list[str]]:
        """What takes the hypernetworks off again, and sentences about what does not fit."""
        if not loras and not hypernetworks and model.store not in self._outfits:
            return [], []
        outfit = self._outfit(model)
        unet = outfit.index.models["unet"][0]
        fitted: list[Fitted] = []
        fitting: list[tuple[Hypernetwork, float]] = []
        left: list[str] = []
        for network, strength in hypernetworks:
            with _left_out_of_a_refiner(model, left):
                check_family(network, unet, model.title, FAMILIES[model.traits.family])
                fitting.append((network, strength))
        for wish, file in loras:
            with _left_out_of_a_refiner(model, left):
                fitted.append(fit(file, wish, outfit.index, model))
        try:
            outfit.change([piece for one in fitted for piece in one.pieces])
        finally:
            model.store.sound = outfit.sound
        return hook(unet, fitting), [*left, *(comment for one in fitted for comment in one.comments)]

    def _outfit(self, model: Model) -> Outfit:
        if model.store not in self._outfits:
            self._outfits[model.store] = Outfit(model)
        return self._outfits[model.store]

    def _find(self, wishes: Sequence[LoraWish]) -> tuple[list[_Found], list[str]]:
        found, comments = [], []
        for wish in wishes:
            lora = self._shelves.find_lora(wish.name)
            if lora is None:
                comments.append(f"There is no LoRA named {wish.name}; its tag is ignored.")
            else:
                found.append((wish, self._read_lora(lora.path)))
        return found, comments

    def _find_hypernetworks(
        self, wishes: Sequence[HypernetworkWish]
    ) -> tuple[list[tuple[Hypernetwork, float]], list[str]]:
        files = self._shelves.hypernetworks() if wishes else {}
        found, comments = [], []
        for wish in wishes:
            if wish.name in files:
                found.append((self._read_hypernetwork(files[wish.name]), wish.strength))
            else:
                comments.append(f"There is no hypernetwork named {wish.name}; its tag is ignored.")
        return found, comments


@contextmanager
def _left_out_of_a_refiner(model: Model, left: list[str]) -> Iterator[None]:
    """A job's networks are for the model that it begins with; one that takes over may be unlike it."""
    try:
        yield
    except RequestError as misfit:
        if model.traits.family != "sdxl-refiner" or misfit.code != "network-wrong-family":
            raise
        left.append(f"{misfit.message} It is left out there.")


def _plain(name: str) -> str:
    """The infotext's list of hashes is split at these."""
    return name.replace(":", "").replace(",", "")
