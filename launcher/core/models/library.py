"""The whole library of a workspace with the installs that are linked, and models in it by the names people use."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence

from launcher.core.errors import LauncherError
from launcher.core.events import Progress
from launcher.core.models.entry import Library, Model, scan
from launcher.core.models.known import read_known
from launcher.core.models.links import all_shelves, read_links
from launcher.core.paths import Workspace
from launcher.core.text import t


def read_library(workspace: Workspace, *, cancel: threading.Event | None = None) -> Generator[Progress, None, Library]:
    """Looks at every folder; the library is the generator's value. LauncherError `bad-settings`, CancelledError."""
    shelves = all_shelves(workspace, read_links(workspace))
    return (yield from scan(shelves, workspace.state / "models.json", read_known(workspace), cancel=cancel))


def find_models(library: Library, names: Sequence[str]) -> tuple[Model, ...]:
    """The models of these names, stems, places or hashes; all of them for no name. LauncherError `model-unknown`."""
    if not names:
        return library.models
    return tuple(dict.fromkeys(model for name in names for model in _named(library, name)))


def _named(library: Library, name: str) -> list[Model]:
    found = [model for model in library.models if name in _spellings(model)]
    if not found and len(name) >= 8:
        digits = name.lower()
        found = [model for model in library.models if model.sha256 and model.sha256.startswith(digits)]
    if found:
        return found
    near = [model.name for model in library.models if name.casefold() in model.name.casefold()]
    raise LauncherError(
        "model-unknown",
        t('There is no model "{name}".', name=name),
        t("Did you mean: {names}?", names=", ".join(near[:8])) if near else t("`gesso models list` shows all."),
    )


def _spellings(model: Model) -> tuple[str, ...]:
    path = model.path
    return (model.name, path.name, path.stem, str(path), *([model.old_hash] if model.old_hash else []))
