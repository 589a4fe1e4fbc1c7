"""The way from the demo model to a real one: a line at the top of the page, and keys in the model's card."""

from __future__ import annotations

import html
import json
from typing import Any

from runtime.library import DEMO_FOLDER

DEMO = "This is the small demo model that comes with Gesso: it draws coloured shapes and nothing else."
DEMO_ONLY = "This is a demo model: it draws simple shapes only."
GET_REAL_ONE = "Get a real model"
REAL_ONE = "A real model that cards with 4 GB can draw with is one file:"
LICENCE = "Licence:"
GET_FILE = "Download the file"
FROM_MIRROR = "Download from a mirror in China"
READ_PAGE = "Its page and licence"
WHERE_TO = "Put the file into this folder, then press Refresh and Use:"
_FACTS = DEMO_FOLDER.parent / "real_model.json"
_KEY = (
    "display:inline-block;margin:.2rem .4rem .2rem 0;padding:.4rem .9rem;border-radius:var(--radius-md);"
    "text-decoration:none;background:var(--button-primary-background-fill);color:var(--button-primary-text-color)"
)
_LINK = "color:var(--link-text-color);text-decoration:underline"
_PLAIN = f"{_LINK};background:none;border:0;padding:0;font:inherit;cursor:pointer"
#: the tab's key is Gradio's own
_SHOW_MODELS = "document.querySelector('#tab_models-button')?.click()"


def demo_only() -> str:
    """What the line beside the checkpoint says of the demo model; one key shows its card."""
    key = f'<button type="button" style="{_PLAIN}" onclick="{_SHOW_MODELS}">{GET_REAL_ONE}</button>'
    return f'<p class="gesso-remark gesso-demo"><span>{DEMO_ONLY}</span> {key}</p>'


def real_model(folder: str) -> str:
    """One key to a model that draws everything: which file, under which licence, where it comes from and goes to."""
    facts: dict[str, Any] = json.loads(_FACTS.read_text(encoding="utf-8"))
    size = facts["bytes"] / 1e9
    keys = _link(GET_FILE, facts["address"], _KEY), _link(FROM_MIRROR, facts["mirror"], _KEY)
    return (
        f"<p>{DEMO}</p><p><span>{REAL_ONE}</span> {_as_it_is(facts['file'])} {_as_it_is(f'({size:.2f} GB)')} "
        f"<span>{LICENCE}</span> {_as_it_is(facts['licence'])}</p>"
        f"<p>{' '.join(keys)} {_link(READ_PAGE, facts['page'], _LINK)}</p>"
        f"<p><span>{WHERE_TO}</span> {_as_it_is(folder)}</p>"
    )


def _link(text: str, address: str, style: str) -> str:
    """Another site opens beside the page, and is not told where from."""
    return f'<a href="{html.escape(address)}" target="_blank" rel="noopener noreferrer" style="{style}">{text}</a>'


def _as_it_is(text: str) -> str:
    return f"<span data-untranslated>{html.escape(text)}</span>"
