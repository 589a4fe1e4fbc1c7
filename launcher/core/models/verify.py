"""Are a model's bytes the right ones? Against the catalogue, else against what was remembered of the same file."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from launcher.core.events import Progress
from launcher.core.models.catalogue import Catalogue, Entry
from launcher.core.models.entry import Model
from launcher.core.models.hashing import sha256_of, take_note
from launcher.core.paths import Workspace
from launcher.core.text import Text, t

#: right: as the catalogue says; same: as remembered; noted: nothing was known, now it is; the others are bad
State = Literal["right", "same", "noted", "broken", "other", "changed", "unreadable"]
SOUND: frozenset[State] = frozenset(("right", "same", "noted"))


@dataclass(frozen=True)
class Verdict:
    """About one model."""

    model: Model
    state: State
    sentence: Text
    sha256: str | None = None

    @property
    def sound(self) -> bool:
        return self.state in SOUND


def verify(
    workspace: Workspace, models: Sequence[Model], catalogue: Catalogue, *, cancel: threading.Event | None = None
) -> Generator[Progress, None, tuple[Verdict, ...]]:
    """Reads every byte of `models`; the verdicts are the generator's value. CancelledError once `cancel` is set."""
    verdicts: list[Verdict] = []
    total, before = sum(model.size for model in models), 0
    for model in models:
        verdicts.append((yield from _one(workspace, model, catalogue, before, total, cancel)))
        before += model.size
    return tuple(verdicts)


def _one(
    workspace: Workspace, model: Model, catalogue: Catalogue, before: int, total: int, cancel: threading.Event | None
) -> Generator[Progress, None, Verdict]:
    broken = next((each for each in model.facts.problems if each.code in _BROKEN), None)
    if broken is not None:
        return Verdict(model, "broken", t("{what} {hint}", what=broken.message, hint=broken.hint))
    if model.facts.format == "diffusers":
        return Verdict(model, "noted", t("A folder in diffusers' layout has no hash of its own."))
    digest = ""
    try:
        for told in sha256_of(model.path, cancel):
            if isinstance(told, str):
                digest = told
            else:
                yield Progress("verify", before + told, total)
    except OSError as refused:
        return Verdict(model, "unreadable", t("It cannot be read: {why}.", why=refused.strerror or refused))
    verdict = _judged(model, digest, catalogue)
    if verdict.sound and not take_note(workspace, model.path, digest) and verdict.state == "noted":
        sentence = t("Nothing is known to compare it with, and its hash could not be kept for the next time.")
        return replace(verdict, sentence=sentence)
    return verdict


_BROKEN = ("empty", "truncated", "damaged", "web-page", "lfs-pointer", "not-a-model", "unreadable")


def _judged(model: Model, digest: str, catalogue: Catalogue) -> Verdict:
    entry = catalogue.by_hash(digest)
    if entry is not None:
        return Verdict(model, "right", t("These are the bytes of {name} in the catalogue.", name=entry.name), digest)
    if model.sha256 is not None and model.sha256 != digest:
        return Verdict(
            model, "changed",
            t("Its bytes have changed since they were hashed, though neither size nor date have: the disk may be "
              "failing. Download it again."),
            digest,
        )  # fmt: skip
    named = _namesake(model, catalogue)
    if named is not None:
        size = t("it has {size} bytes instead of {right}", size=model.size, right=named.bytes)
        same = t("it has the same size and other bytes")
        what = same if model.size == named.bytes else size
        return Verdict(
            model, "other",
            t("It is not the {name} of the catalogue: {what}. Another edition, or damaged; "
              "`gesso models download` fetches that one.", name=named.name, what=what),
            digest,
        )  # fmt: skip
    if model.sha256 == digest:
        return Verdict(model, "same", t("Its bytes are those that were hashed before."), digest)
    return Verdict(
        model, "noted", t("Nothing is known to compare it with; its hash is remembered from now on."), digest
    )


def _namesake(model: Model, catalogue: Catalogue) -> Entry | None:
    name = model.path.name.casefold()
    return next((entry for entry in catalogue.file if entry.name.casefold() == name), None)
