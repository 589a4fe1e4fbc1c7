"""Models as lines for people and as records for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unicodedata import category

from launcher.amounts import in_bytes
from launcher.core.models.catalogue import Catalogue, Entry, Known
from launcher.core.models.entry import Library, Model
from launcher.core.models.links import Links
from launcher.core.models.other_installs import OtherInstall
from launcher.core.models.problems import Problem
from launcher.core.models.verify import Verdict
from launcher.core.models.walk import Refused
from launcher.core.text import Text, t

Say = Callable[[Text], str]
KIND_NAMES: dict[str | None, Text] = {
    "checkpoint": t("Checkpoints"),
    "vae": t("VAEs"),
    "lora": t("LoRAs"),
    "embedding": t("Embeddings"),
    "hypernetwork": t("Hypernetworks"),
    "upscaler": t("Upscalers"),
    "controlnet": t("ControlNets"),
    "face": t("Face restoration"),
    "interrogate": t("Interrogators"),
    "preview-decoder": t("Preview decoders"),
    "diffusion-model": t("Diffusion models without a text model"),
    "text-encoder": t("Text encoders"),
    "adapter": t("Adapters"),
    "motion": t("Motion modules"),
    None: t("Of no known kind"),
}
#: kept in their folders, and read by nothing in the runtime today
UNUSED = frozenset(("controlnet", "face", "interrogate", "preview-decoder"))
_STATES: dict[str, Text] = {
    "right": t("right"), "same": t("unchanged"), "noted": t("noted"), "broken": t("broken"), "other": t("different"),
    "changed": t("changed"), "unreadable": t("unreadable"),
}  # fmt: skip


def plain(text: str) -> str:
    """A file's name as it may be shown: no line breaks, no codes that a terminal would obey."""
    return "".join(one if one.isprintable() or category(one) == "Zs" else "\N{REPLACEMENT CHARACTER}" for one in text)


def of_library(library: Library, catalogue: Catalogue) -> Iterator[Text | str]:
    """Kind by kind, a line for each model and one for each thing that is wrong with it."""
    kind: object = library
    names = Counter((model.home, model.name) for model in library.models)
    for model in library.models:
        if model.kind != kind:
            kind = model.kind
            yield KIND_NAMES[model.kind]
        yield f"  {_line(model, catalogue)}"
        if names[model.home, model.name] > 1:
            yield t("      in {folder}", folder=plain(str(model.path.parent)))
        known = known_as(model, catalogue)
        if known is not None and known.name != model.path.name:
            yield t("      known as {name}", name=known.name)
        if model.facts.triggers:
            yield t("      words: {words}", words=plain(", ".join(model.facts.triggers[:8])))
        if model.duplicate_of:
            yield t("      the same bytes as {file}", file=plain(str(model.duplicate_of)))
        for problem in model.problems:
            yield t("      {what} {hint}", what=problem.message, hint=problem.hint)
    for place in library.refused:
        yield t("{path} could not be looked at: {why}.", path=plain(place.path), why=place.reason)
    yield _sum(library)


def known_as(model: Model, catalogue: Catalogue) -> Entry | Known | None:
    """What the catalogue calls these bytes, whatever the file is called; None before the file was hashed."""
    return catalogue.by_hash(model.sha256) if model.sha256 else None


def _family(model: Model, catalogue: Catalogue) -> str | None:
    """By content; of a VAE, whose tensors do not tell 1.x from XL, by its hash."""
    known = known_as(model, catalogue)
    published = known.family if isinstance(known, Entry) and known.family != "any" else None
    return model.facts.family or published


def _line(model: Model, catalogue: Catalogue) -> str:
    facts = model.facts
    known = [_family(model, catalogue), facts.variant, facts.precision, "pickle" if facts.format == "pickle" else None]
    told = [*(one for one in known if one), in_bytes(model.size), *([f"[{model.sha256[:10]}]"] if model.sha256 else [])]
    home = "" if model.home == "workspace" else f"  ({plain(model.home)})"
    return f"{plain(model.name)}  {' '.join(told)}{home}"


def _sum(library: Library) -> Text:
    if not library.models:
        return t("There are no models yet. `gesso models list --catalogue` shows some to begin with.")
    total = in_bytes(sum(model.size for model in library.models))
    if library.wasted:
        return t(
            "{count} models, {size}; {wasted} of it lie there twice.",
            count=len(library.models), size=total, wasted=in_bytes(library.wasted),
        )  # fmt: skip
    return t("{count} models, {size}.", count=len(library.models), size=total)


def of_entry(entry: Entry, have: bool) -> Iterator[Text | str]:
    """A file of the catalogue."""
    card = t("any card") if entry.vram_gib == 0 else t("from {gib} GB", gib=entry.vram_gib)
    yield t(
        "  {name}  {family}, {size}, {card}, licence: {licence}{have}",
        name=entry.name, family=entry.family, size=in_bytes(entry.bytes), card=card, licence=licence(entry),
        have=t(" (there already)") if have else "",
    )  # fmt: skip
    if entry.note:
        yield t("      {note}", note=t(entry.note))


def licence(entry: Entry) -> Text | str:
    """As its publisher names it."""
    return entry.licence if entry.licence_known else t("not known; the publisher's page says it")


def of_verdict(verdict: Verdict) -> Text:
    return t(
        "{name}: {state}. {sentence}",
        name=plain(verdict.model.name), state=_STATES[verdict.state], sentence=verdict.sentence,
    )  # fmt: skip


def of_install(install: OtherInstall, pictures: Sequence[str], count: int | None = None) -> Iterator[Text | str]:
    """What of an install is used; `pictures`: the folders of it into which new ones go."""
    names = {"a1111": "AUTOMATIC1111", "forge": "Forge", "comfyui": "ComfyUI"}
    yield f"{plain(str(install.root))}  ({names[install.program]})"
    if count is not None:
        yield t("  models: {count}, used where they lie", count=count)
    for folder in pictures:
        yield t("  pictures: {folder}", folder=plain(folder))
    if install.styles:
        yield t("  styles: {file}", file=plain(str(install.styles)))


def of_links(links: Links, pictures: Sequence[Sequence[str]]) -> Iterator[Text | str]:
    """What is linked, and what is not there today; `pictures` as in `of_install`."""
    for install, folders in zip(links.installs, pictures, strict=True):
        yield from of_install(install, folders)
    for place in links.absent:
        yield t("{folder} is linked and not there; is its disk plugged in?", folder=plain(str(place)))
    if not links.installs and not links.absent:
        yield t("Nothing is linked.")


def model_record(model: Model, catalogue: Catalogue, say: Say) -> dict[str, Any]:
    facts, known = model.facts, known_as(model, catalogue)
    return {
        "name": model.name,
        "path": str(model.path),
        "home": model.home,
        "kind": model.kind,
        "family": _family(model, catalogue),
        "variant": facts.variant,
        "precision": facts.precision,
        "format": facts.format,
        "size": model.size,
        "sha256": model.sha256,
        "short": model.sha256[:10] if model.sha256 else None,
        "old_hash": model.old_hash,
        "known_as": known.name if known else None,
        "title": facts.title,
        "triggers": list(facts.triggers),
        "preview": str(model.preview) if model.preview else None,
        "duplicate_of": str(model.duplicate_of) if model.duplicate_of else None,
        "problems": [problem_record(problem, say) for problem in model.problems],
    }


def problem_record(problem: Problem, say: Say) -> dict[str, str]:
    return {"code": problem.code, "message": say(problem.message), "hint": say(problem.hint)}


def refused_record(place: Refused, say: Say) -> dict[str, str]:
    return {"path": place.path, "reason": place.reason if isinstance(place.reason, str) else say(place.reason)}


def entry_record(entry: Entry, have: bool, say: Say) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "family": entry.family,
        "format": entry.format,
        "vram_gib": entry.vram_gib,
        "folder": entry.folder,
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "licence_known": entry.licence_known,
        "note": say(t(entry.note)) if entry.note else None,
        "used": entry.kind not in UNUSED,
        "have": have,
    }


def install_record(install: OtherInstall, pictures: Sequence[str]) -> dict[str, Any]:
    return {
        "root": str(install.root),
        "program": install.program,
        "package": install.package,
        "folders": [{"kind": shelf.kind, "folder": str(shelf.folder)} for shelf in install.shelves],
        "outputs": str(install.outputs) if install.outputs else None,
        "pictures": list(pictures),
        "styles": str(install.styles) if install.styles else None,
        "webui_user": str(install.webui_user) if install.webui_user else None,
    }
