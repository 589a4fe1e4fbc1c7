"""The Models tab: what lies in the model folders, what each file says of itself, and a key that uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from runtime.request import RequestError
from runtime.studio import Studio
from runtime.ui import choices, words
from runtime.ui.fields import QUIET
from runtime.ui.frame import Frame, Tab
from runtime.ui.model_card import card, checkpoint_card


@dataclass(frozen=True)
class Kind:
    """One sub-tab: names of its files, what is shown of one, and what `Use` writes into the prompt."""

    label: str
    element: str
    names: Callable[[Studio], list[str]]
    show: Callable[[Studio, str], str]
    #: `{}` is the name; None: a setting of the model, not words of a prompt
    words: str | None


_KINDS = (
    Kind("Checkpoints", "checkpoints", choices.checkpoints, checkpoint_card, None),
    Kind("VAE", "vae", choices.vaes, lambda studio, name: card(choices.vae_file(studio, name)), None),
    Kind("Lora", "lora", choices.loras, lambda studio, name: card(choices.lora_file(studio, name)), "<lora:{}:1>"),
    Kind("Textual Inversion", "textual_inversion", choices.embeddings,
         lambda studio, name: card(choices.embedding_file(studio, name)), "{}"),
    Kind("Hypernetworks", "hypernetworks", choices.hypernetworks,
         lambda studio, name: card(choices.hypernetwork_file(studio, name)), "<hypernet:{}:1>"),
)  # fmt: skip


def models_tab(frame: Frame, tab: Tab, clock: gr.Timer) -> None:
    """Build the tab; `tab` is where words for the prompt go, `clock` looks how a chosen checkpoint loads."""
    with gr.Tabs(elem_id="models_kinds"):
        for kind in _KINDS:
            with gr.Tab(kind.label, id=kind.element, elem_id=f"models_{kind.element}"):
                _sub_tab(frame, kind, tab, clock)


def _sub_tab(frame: Frame, kind: Kind, tab: Tab, clock: gr.Timer) -> None:
    studio = frame.studio

    def look(name: str | None) -> str:
        return kind.show(studio, name) if name else words.remark(words.NO_FILES)

    def first() -> str | None:
        return _kept(studio, kind, None)

    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            chosen = gr.Dropdown(
                kind.names(studio), value=first(), label=kind.label, elem_id=f"models_{kind.element}_list"
            )
            frame.current.shown(frame.current.listed(chosen, lambda: kind.names(studio)), first)
            with gr.Row():
                use = gr.Button("Use", variant="primary", elem_id=f"models_{kind.element}_use", min_width=100)
                again = gr.Button("Refresh", elem_id=f"models_{kind.element}_refresh", min_width=100)
            said = gr.HTML(
                words.remark(*choices.folder_of(studio, kind.element)), elem_id=f"models_{kind.element}_said"
            )
        with gr.Column(scale=2, min_width=300):
            shown = frame.current.shown(gr.HTML(look(first())), lambda: look(first()))

    def refresh(before: str | None) -> tuple[Any, str]:
        if kind.element == "checkpoints":
            studio.look_again()
        kept = _kept(studio, kind, before)
        return gr.Dropdown(choices=kind.names(studio), value=kept), look(kept)

    chosen.change(look, chosen, shown, **QUIET)
    frame.current.changed_by(again.click(refresh, chosen, [chosen, shown], trigger_mode="always_last", **QUIET))
    if kind.words is not None:
        _into_the_prompt(kind.words, use, chosen, tab)
    elif kind.element == "checkpoints":
        _choose(studio, use, chosen, clock, said)
    else:
        _set_vae(studio, use, chosen, said)


def _kept(studio: Studio, kind: Kind, before: str | None) -> str | None:
    """What was chosen, as it is named now; else the checkpoint in use; else the first of the list."""
    names = kind.names(studio)
    wanted: list[str | None] = [before]
    if kind.element == "checkpoints":
        found = studio.library.find(before) if before else None
        wanted += [one.title for one in (found, studio.chosen) if one]
    return next((name for name in wanted if name in names), names[0] if names else None)


def _into_the_prompt(form: str, use: gr.Button, chosen: gr.Dropdown, tab: Tab) -> None:
    def add(name: str | None, prompt: str | None) -> str:
        return " ".join(filter(None, (prompt, form.format(name) if name else "")))

    prompt = tab.fields["prompt"]
    use.click(add, [chosen, prompt], prompt, **QUIET)


def _choose(studio: Studio, use: gr.Button, chosen: gr.Dropdown, clock: gr.Timer, said: gr.HTML) -> None:
    def choose(title: str | None) -> tuple[Any, str]:
        """The line at the top of the page tells how it goes; why it cannot begin is told beside the key."""
        where = words.remark(*choices.folder_of(studio, "checkpoints"))
        try:
            if title:
                studio.choose(title)
        except RequestError as error:
            return gr.skip(), words.not_loaded(error) + where
        return gr.Timer(active=True), where

    use.click(choose, chosen, [clock, said], **QUIET)


def _set_vae(studio: Studio, use: gr.Button, chosen: gr.Dropdown, said: gr.HTML) -> None:
    def store(name: str | None) -> str:
        try:
            studio.options.update({"sd_vae": name or "Automatic"})
        except RequestError as error:
            return words.not_stored(error)
        return words.remark(words.STORED, f"sd_vae: {name or 'Automatic'}")

    use.click(store, chosen, said, **QUIET)
