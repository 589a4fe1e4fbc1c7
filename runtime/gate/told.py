"""A refusal, to programs as JSON, to a person who came with a browser as a small page in the browser's language."""

from __future__ import annotations

import html
from math import ceil

from starlette.responses import Response

from runtime.api.errors import Refusal, said
from runtime.gate.login import POLICY
from runtime.small_page import language_of, small_page

#: by code, for what a page that is opened or a form that is sent may meet: what happened, and what to do
CHINESE = {
    "unknown-host": ("这台服务器不认地址栏里的这个名字。",
                     "在这台电脑上请打开 127.0.0.1；要用这个名字，请在启动时加上 --allow-host 名字。"),
    "foreign-origin": ("另一个网页不能使用这台服务器。",
                       "请直接打开这台服务器的地址，或在启动时加上 --cors-allow-origins。"),
    "headers-too-large": ("浏览器发来的请求头太多或太长。", "请清除这个地址的 Cookie，再打开一次。"),
    "address-too-long": ("地址太长。", "请只打开这台服务器的地址。"),
    "too-many": ("一次发来的请求太多。", "请稍等片刻。"),
    "too-many-tries": ("密码错误的次数太多。", "请过一会儿再试。"),
    "body-too-large": ("发来的内容太大。", "请发送更小的内容。"),
    "body-too-slow": ("发来的内容太慢。", "请检查网络连接，再试一次。"),
    "no-room": ("服务器正忙，没有空间接收更多内容。", "请过几秒再试。"),
    "no-username": ("表单里没有用户名。", "请填写用户名和密码。"),
}  # fmt: skip


def told(refusal: Refusal, accept_language: str | None, wait: float = 0.0) -> Response:
    """Its status, with `wait` seconds until another try; `accept_language` is None for a program."""
    answer = said(refusal)
    if wait:
        answer.headers["Retry-After"] = str(ceil(wait))
    if accept_language is None:
        return answer
    language = language_of(accept_language) if refusal.code in CHINESE else "en"
    words = CHINESE[refusal.code] if language == "zh" else (refusal.message, refusal.hint)
    kept = {name: value for name, value in answer.headers.items() if name in ("connection", "retry-after")}
    body = "".join(f"<p>{html.escape(each)}</p>" for each in words)
    headers = {**kept, "Content-Security-Policy": POLICY}
    return small_page(language, "Gesso", body, status=refusal.status, headers=headers)
