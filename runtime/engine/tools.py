"""What outlives a job in the worker: networks, embeddings and upscalers that were read, places for files."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runtime.engine.easel import Easel, Fetch, text_width
from runtime.engine.filenames import Naming
from runtime.engine.memory import Planner, Settings
from runtime.engine.model import Model
from runtime.engine.networks.embeddings import EmbeddingBook
from runtime.engine.networks.wardrobe import Wardrobe
from runtime.engine.saving import Outputs
from runtime.engine.tiny_decoder import TinyDecoders
from runtime.engine.upscale.enlarge import Enlarger
from runtime.engine.vae_file import VaeRack
from runtime.folders import Folders
from runtime.ledger_file import FILE
from runtime.library import Library
from runtime.networks import NetworkShelves


@dataclass
class Tools:
    """One per worker."""

    outputs: Outputs
    embeddings: tuple[Path, ...]
    wardrobe: Wardrobe
    enlarger: Enlarger
    library: Library
    vaes: VaeRack
    planner: Planner
    tiny: TinyDecoders
    book: EmbeddingBook = field(default_factory=EmbeddingBook)

    @classmethod
    def of(cls, folders: Folders, flags: argparse.Namespace) -> Tools:
        naming = Naming(flags.filenames_max_length, flags.unix_filenames_sanitization)
        return cls(
            Outputs(folders.data, naming, not flags.no_prompt_history),
            folders.embeddings,
            Wardrobe(NetworkShelves(folders)),
            Enlarger(
                folders.upscalers,
                half=not flags.no_half and flags.precision != "full",
                on_cpu=bool({"esrgan", "swinir", "scunet"} & {name.lower() for name in flags.use_cpu}),
            ),
            Library(folders.checkpoints, Path(flags.ckpt) if flags.ckpt else None, None),
            VaeRack(folders, not flags.no_hashing),
            Planner(Settings.of(flags), folders.data / FILE),
            TinyDecoders((folders.models,)),
        )

    def easel(self, model: Model, fetch: Fetch) -> Easel:
        """For one job."""
        self.enlarger.device = model.store.device
        places = (self.outputs, self.find_checkpoint, fetch)
        easel = Easel(model, *places, self.wardrobe, self.embeddings, self.enlarger, self.book, self.vaes)
        return replace(easel, planner=self.planner, tiny=self.tiny)

    def listing(self, model: Model) -> dict[str, Any]:
        """The body of GET /sdapi/v1/embeddings."""
        self.book.look(self.embeddings, [text_width(text) for text in model.store.modules("text")])
        return self.book.listing()

    def find_checkpoint(self, spelling: str) -> Path | None:
        """The file of this title, name, stem, hash or place."""
        found = self.library.find(spelling)
        if found is None:
            self.library.refresh()
            found = self.library.find(spelling)
        return None if found is None else found.path
