"""What the address shows in the seconds before Gradio is there: one small page that reloads itself."""

from __future__ import annotations

import html

from starlette.responses import HTMLResponse

_WORDS = {
    "en": ("Gesso is starting", "The page will be here in a few seconds; the API already answers.",
           "The page could not be built. The log has the details; the API answers all the same."),
    "zh": ("Gesso 正在启动", "页面几秒钟后就绪；API 已经可用。", "页面无法建立，详情见日志；API 仍然可用。"),
}  # fmt: skip


def starting_page(accept_language: str, failure: str | None) -> HTMLResponse:
    """In the browser's language; with a `failure` it says so and no longer reloads."""
    language = "zh" if accept_language.lower().lstrip().startswith("zh") else "en"
    title, waiting, failed = _WORDS[language]
    reload = "" if failure else '<meta http-equiv="refresh" content="1">'
    said = f"{failed}</p><p><code>{html.escape(failure)}</code>" if failure else waiting
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">{reload}<title>{title}</title><style>'
        "html{color-scheme:light dark;font:18px/1.6 system-ui,sans-serif}"
        "body{min-height:90vh;display:grid;place-content:center;text-align:center;padding:0 1rem}"
        f"</style></head><body><h1>{title}</h1><p>{said}</p></body></html>",
        headers={"Cache-Control": "no-store"},
    )
