"""The library as a table: which models are shown, in which order, and what is said of one; nothing here draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from launcher.amounts import in_bytes
from launcher.core.models.entry import Library, Model, natural_order
from launcher.core.text import Text, t
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.row_table import Column, Line

#: one of each kind: the plural heads a list (model_words.KIND_NAMES)
KINDS: dict[str | None, Text] = {
    "checkpoint": t("checkpoint"), "vae": Text("VAE"), "lora": Text("LoRA"), "embedding": t("embedding"),
    "hypernetwork": t("hypernetwork"), "upscaler": t("upscaler"), "controlnet": Text("ControlNet"),
    "face": t("face restoration"), "interrogate": t("interrogator"), "preview-decoder": t("preview decoder"),
    "diffusion-model": t("diffusion model"), "text-encoder": t("text encoder"), "adapter": t("adapter"),
    "motion": t("motion module"), None: t("not known"),
}  # fmt: skip
_ORDERS: dict[str, tuple[Text, Callable[[Model], Any]]] = {
    "kind": (t("by kind"), lambda model: (model.kind or "~", natural_order(model.name))),
    "name": (t("by name"), lambda model: natural_order(model.name)),
    "size": (t("largest first"), lambda model: (-model.size, natural_order(model.name))),
    "newest": (t("newest first"), lambda model: -model.mtime_ns),
    "problems": (t("what is wrong first"), lambda model: (not _wrong(model), natural_order(model.name))),
}


@dataclass(frozen=True)
class Shown:
    """What is looked at of the library, and how."""

    library: Library = field(default_factory=Library)
    #: it was looked at: an empty one has no models
    known: bool = False
    #: part of a name, a kind, a family, a word or a hash
    needle: str = ""
    order: str = "kind"

    @property
    def models(self) -> tuple[Model, ...]:
        """Those that fit, in order."""
        fit = (model for model in self.library.models if _fits(model, self.needle.casefold().split()))
        return tuple(sorted(fit, key=_ORDERS[self.order][1]))

    @property
    def order_said(self) -> Text:
        return _ORDERS[self.order][0]


def next_order(order: str) -> str:
    """The one after `order`, round and round."""
    names = list(_ORDERS)
    return names[(names.index(order) + 1) % len(names)]


def columns(say: Say, width: int) -> tuple[Column, ...]:
    """For a screen of `width` cells."""
    wide = max(16, width - 59)
    return (
        Column("name", say(t("File")), wide),
        Column("kind", say(t("Kind")), 12),
        Column("family", say(t("Family")), 6),
        Column("precision", say(t("Precision")), 9),
        Column("size", say(t("Size")), 8),
        Column("wrong", "", 6),
    )


def lines(models: Sequence[Model], say: Say) -> list[Line]:
    """A row each; the mark says in words what the colour says."""
    return [
        Line(
            str(model.path),
            (
                model.name, say(KINDS[model.kind]), model.facts.family or "-", model.facts.precision or "-",
                in_bytes(model.size), _mark(model, say),
            ),
            "yellow" if _wrong(model) else "",
        )
        for model in models
    ]  # fmt: skip


def details(model: Model, say: Say) -> list[str]:
    """Everything that is known of one, a line each; problems first."""
    said = [say(t("{what} {hint}", what=each.message, hint=each.hint)) for each in model.problems]
    if model.duplicate_of:
        said.append(say(t("The same bytes as {file}.", file=model.duplicate_of)))
    said.append(str(model.path))
    if model.facts.triggers:
        said.append(say(t("Words: {words}", words=", ".join(model.facts.triggers[:12]))))
    known = [model.facts.title, model.facts.variant, model.facts.format]
    if model.sha256:
        known.append(f"SHA-256 {model.sha256[:10]}")
    if model.old_hash:
        known.append(say(t("old hash {hash}", hash=model.old_hash)))
    said.append("  ".join(part for part in known if part))
    return said


def _fits(model: Model, needles: Sequence[str]) -> bool:
    facts = model.facts
    told = " ".join(
        part for part in (model.name, model.kind, facts.family, facts.precision, facts.title, *facts.triggers,
                          model.sha256, model.old_hash, model.home) if part
    ).casefold()  # fmt: skip
    return all(needle in told for needle in needles)


def _wrong(model: Model) -> bool:
    return bool(model.problems or model.duplicate_of)


def _mark(model: Model, say: Say) -> str:
    if model.problems:
        return say(t("wrong"))
    return say(t("twice")) if model.duplicate_of else ""
