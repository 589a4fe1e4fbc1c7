"""What a drawing job has at hand: the loaded model and how to get another, networks, embeddings, places for files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from runtime.engine.model import Model
from runtime.engine.networks.embeddings import EmbeddingBook
from runtime.engine.resize import Enlarge
from runtime.engine.saving import Outputs
from runtime.engine.tiny_decoder import TinyDecoders
from runtime.engine.upscale.enlarge import UNWATCHED, Enlarger, Watcher
from runtime.engine.vae_file import VaeRack
from runtime.job_options import JobOptions
from runtime.request import RequestError
from runtime.upscalers import find_upscaler

if TYPE_CHECKING:
    from runtime.engine.memory import Planner
    from runtime.engine.networks.tags import Tag
    from runtime.engine.networks.wardrobe import Wardrobe, Worn

#: the file of a checkpoint by any spelling of its name; None if there is none
Find = Callable[[str], Path | None]
#: the checkpoint in a file, in the place of the one that is loaded
Fetch = Callable[[Path], Model]


@dataclass
class Easel:
    """`model` is the one in use; it changes on the way where a job names several."""

    model: Model
    outputs: Outputs
    find: Find | None = None
    fetch: Fetch | None = None
    wardrobe: Wardrobe | None = None
    embeddings: tuple[Path, ...] | None = None
    enlarger: Enlarger = field(default_factory=lambda: Enlarger({}))
    book: EmbeddingBook = field(default_factory=EmbeddingBook)
    vaes: VaeRack | None = None
    #: for previews
    tiny: TinyDecoders | None = None
    planner: Planner | None = None
    _options: JobOptions | None = None

    def path_of(self, spelling: str) -> Path:
        """Where this checkpoint lies; RequestError if there is none of this name."""
        path = None if self.find is None else self.find(spelling)
        if path is None:
            message = f"There is no checkpoint named {spelling}."
            raise RequestError("checkpoint-unknown", message, "Choose one of the list, or refresh it.")
        return path

    def take(self, spelling: str) -> Model:
        """Go on with this checkpoint; RequestError if there is none of this name, and the old one stays."""
        return self.return_to(self.path_of(spelling))

    def fit_vae(self, options: JobOptions) -> tuple[str, ...]:
        """Use the VAE that these options ask for, with checkpoints that are taken later too; sentences for the user."""
        self._options = options
        if self.vaes is None:
            return ()
        self.model, comments = self.vaes.fit(self.model, options)
        return comments

    def return_to(self, path: Path) -> Model:
        """The checkpoint in this file, as the job's own where another took its place."""
        if self.model.path == path:
            return self.model
        if self.fetch is None:
            raise RequestError("checkpoint-unknown", f"There is no checkpoint at {path}.", "Choose one of the list.")
        # the old one must be nobody's any more: there may be room for one alone
        del self.model
        self.model = self.fetch(path)
        if self._options is not None:
            self.fit_vae(self._options)
        return self.model

    @contextmanager
    def wear(self, tags: Sequence[Tag]) -> Iterator[Worn | None]:
        """The model with these networks in its weights, and with no others."""
        if self.wardrobe is None:
            yield None
            return
        with self.wardrobe.wear(self.model, tags) as worn:
            yield worn

    def default_lora(self, options: JobOptions) -> str | None:
        """The one that every prompt wears by the option sd_lora, if it is there."""
        found = self.wardrobe.knows(options.sd_lora) if self.wardrobe is not None else False
        return options.sd_lora if found else None

    def read_embeddings(self, widths: Sequence[int]) -> EmbeddingBook:
        """The embeddings that fit text models of these widths."""
        if self.embeddings is not None:
            self.book.look(self.embeddings, widths)
        return self.book

    def upscaler(self, name: str | None, options: JobOptions, watcher: Watcher = UNWATCHED) -> Enlarge | None:
        """What enlarges a picture; None for plain Lanczos. RequestError `upscaler-unknown` if there is none such."""
        if find_upscaler(name, self.enlarger.folders).name == "None":
            return None

        def enlarge(image: Image.Image, width: int, height: int) -> Image.Image:
            return self.enlarger.enlarge(image, name, width, height, options, watcher)

        return enlarge


def text_width(text: Any) -> int:
    """Of a text model's states."""
    width: int = getattr(text, "text_model", text).embeddings.token_embedding.weight.shape[1]
    return width
