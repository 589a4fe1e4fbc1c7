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
                _sub_tab(frame.studio, kind, tab, clock)


def _sub_tab(studio: Studio, kind: Kind, tab: Tab, clock: gr.Timer) -> None:
    names = kind.names(studio)
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            chosen = gr.Dropdown(
                names, value=names[0] if names else None, label=kind.label, elem_id=f"models_{kind.element}_list"
            )
            with gr.Row():
                use = gr.Button("Use", variant="primary", elem_id=f"models_{kind.element}_use", min_width=100)
                again = gr.Button("Refresh", elem_id=f"models_{kind.element}_refresh", min_width=100)
            said = gr.HTML(words.remark(*choices.folder_of(studio, kind.element)))
        with gr.Column(scale=2, min_width=300):
            shown = gr.HTML(kind.show(studio, names[0]) if names else words.remark(words.NO_FILES))

    def look(name: str | None) -> str:
        return kind.show(studio, name) if name else words.remark(words.NO_FILES)

    def refresh() -> tuple[Any, str]:
        if kind.element == "checkpoints":
            studio.library.refresh()
            studio.jobs.forget_refusals()
        found = kind.names(studio)
        return gr.Dropdown(choices=found, value=found[0] if found else None), look(found[0] if found else None)

    chosen.change(look, chosen, shown, **QUIET)
    again.click(refresh, None, [chosen, shown], **QUIET)
    if kind.words is not None:
        _into_the_prompt(kind.words, use, chosen, tab)
    elif kind.element == "checkpoints":
        _choose(studio, use, chosen, clock)
    else:
        _set_vae(studio, use, chosen, said)


def _into_the_prompt(form: str, use: gr.Button, chosen: gr.Dropdown, tab: Tab) -> None:
    def add(name: str | None, prompt: str | None) -> str:
        return " ".join(filter(None, (prompt, form.format(name) if name else "")))

    prompt = tab.fields["prompt"]
    use.click(add, [chosen, prompt], prompt, **QUIET)


def _choose(studio: Studio, use: gr.Button, chosen: gr.Dropdown, clock: gr.Timer) -> None:
    def choose(title: str | None) -> Any:
        """The line at the top of the page tells how it goes."""
        try:
            if title:
                studio.choose(title)
        except RequestError as error:
            raise gr.Error(str(error), title=words.NOT_LOADED) from error
        return gr.Timer(active=True)

    use.click(choose, chosen, clock, **QUIET)


def _set_vae(studio: Studio, use: gr.Button, chosen: gr.Dropdown, said: gr.HTML) -> None:
    def store(name: str | None) -> str:
        try:
            studio.options.update({"sd_vae": name or "Automatic"})
        except RequestError as error:
            return words.not_stored(error)
        return words.remark(words.STORED, f"sd_vae: {name or 'Automatic'}")

    use.click(store, chosen, said, **QUIET)
