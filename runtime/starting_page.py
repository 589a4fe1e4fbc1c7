"""What the address shows in the seconds before Gradio is there: one small page that reloads itself."""

from __future__ import annotations

import html

from starlette.responses import HTMLResponse

from runtime.small_page import language_of, small_page

_WORDS = {
    "en": ("Gesso is starting", "The page will be here in a few seconds; the API already answers.",
           "The page could not be built. The log has the details; the API answers all the same."),
    "zh": ("Gesso 正在启动", "页面几秒钟后就绪；API 已经可用。", "页面无法建立，详情见日志；API 仍然可用。"),
}  # fmt: skip


def starting_page(accept_language: str, failure: str | None) -> HTMLResponse:
    """In the browser's language; with a `failure` it says so and no longer reloads."""
    language = language_of(accept_language)
    title, waiting, failed = _WORDS[language]
    said = f"<p>{failed}</p><p><code>{html.escape(failure)}</code></p>" if failure else f"<p>{waiting}</p>"
    reload = "" if failure else '<meta http-equiv="refresh" content="1">'
    return small_page(language, title, said, head=reload, style="body{text-align:center}")
