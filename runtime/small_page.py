"""Small pages of our own, before and beside Gradio's: in the browser's language, nothing from elsewhere, no script."""

from __future__ import annotations

import html
from collections.abc import Mapping

from starlette.responses import HTMLResponse

_STYLE = (
    "html{color-scheme:light dark;font:18px/1.6 system-ui,sans-serif}"
    "body{min-height:90vh;display:grid;place-content:center;padding:0 1rem}"
    "h1,p{max-width:36rem;overflow-wrap:anywhere}"
)


def language_of(accept_language: str) -> str:
    """ "zh" or "en", by this header of a browser."""
    return "zh" if accept_language.lower().lstrip().startswith("zh") else "en"


def small_page(
    language: str,
    title: str,
    body: str,
    *,
    head: str = "",
    style: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """`title` is text; `body`, `head` and `style` are HTML and CSS."""
    said = html.escape(title)
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">{head}<title>{said}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}{style}</style></head>'
        f"<body><h1>{said}</h1>{body}</body></html>",
        status,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
