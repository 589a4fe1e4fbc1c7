"""What an environment was made from, kept in its folder: enough to make the very same one again."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from launcher.core.errors import writing
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.records import read_typed, write_record, write_text
from launcher.core.text import t
from launcher.core.web_address import shown

RECIPE, LOCK, CONSTRAINTS = "recipe.json", "lock.txt", "constraints.txt"
#: of pip and of uv; both take several, with spaces between, and addresses (in which no space stands)
_CONSTRAIN = ("PIP_CONSTRAINT", "UV_CONSTRAINT")


@dataclass(frozen=True)
class Recipe:
    """torch as it was chosen, without credentials, and what came with it."""

    version: str
    build: str
    tag: str
    source: str
    #: the only index that was asked
    index: str | None
    #: a wheel on this computer
    wheel: str | None
    #: {"name==version" or the wheel's name: [SHA-256]}
    family: dict[str, tuple[str, ...]]

    @property
    def xformers(self) -> str | None:
        """The version that came with torch, without its label; None: none did."""
        pins = (name.partition("==") for name in self.family)
        return next((version.partition("+")[0] for name, _, version in pins if name == "xformers"), None)

    def choice(self) -> TorchChoice:
        """The choice of torch to make again."""
        reason = t("The environment had torch {build}.", build=self.build)
        wheel = self.wheel if self.wheel and Path(self.wheel).is_file() else None
        return TorchChoice(self.version, self.tag, self.source, reason, self.build, wheel, self.index)


def recipe_of(choice: TorchChoice, family: dict[str, list[str]]) -> Recipe:
    """The recipe of what was installed for `choice`."""
    source, index = shown(choice.source or ""), choice.index and shown(choice.index)
    build = choice.build or choice.version
    return Recipe(
        choice.version,
        build,
        choice.tag or "",
        source,
        index,
        choice.wheel,
        {name: tuple(hashes) for name, hashes in family.items()},
    )


def keep_recipe(folder: Path, recipe: Recipe, lock: Path, constraints: Iterable[str]) -> None:
    """Write it into the environment in `folder`, with a copy of the lock that the other packages came from, and the
    lines that hold torch's family fast."""
    with writing(folder / LOCK):
        shutil.copyfile(lock, folder / LOCK)
    write_text(folder / CONSTRAINTS, "".join(f"{line}\n" for line in constraints))
    write_record(folder / RECIPE, asdict(recipe))


def constraining(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables for whatever runs in the environment: pip and uv, whoever starts them there, leave torch's family as
    it is. The user's own constraints count beside them."""
    file = folder / CONSTRAINTS
    if not file.is_file():
        return {}
    address = file.absolute().as_uri()
    return {name: f"{environ.get(name, '')} {address}".strip() for name in _CONSTRAIN}


def read_recipe(folder: Path) -> Recipe | None:
    """None for an environment that was made before recipes were kept, or whose recipe is damaged."""
    return read_typed(folder / RECIPE, Recipe) if (folder / LOCK).is_file() else None
