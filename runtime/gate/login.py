"""The form that asks for name and password: one small page of our own."""

from __future__ import annotations

from starlette.responses import HTMLResponse

from runtime.small_page import language_of, small_page

_WORDS = {
    "en": ("Name", "Password", "Log in", "Name or password is wrong.", "They were shown where Gesso was started.",
           "Too many wrong tries. Try again in {seconds} seconds."),
    "zh": ("用户名", "密码", "登录", "用户名或密码不对。", "启动 Gesso 时显示过用户名和密码。",
           "错误次数太多，请在 {seconds} 秒后再试。"),
}  # fmt: skip
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
_STYLE = "input,button{font:inherit;display:block;width:18rem;padding:.4rem;margin:.2rem 0 1rem;box-sizing:border-box}"


def login_page(accept_language: str, wrong: bool = False, wait: int = 0, status: int = 200) -> HTMLResponse:
    """In the browser's language, where the password is to be had; and what was `wrong`, or how long to `wait` (s)."""
    language = language_of(accept_language)
    name, password, enter, mistaken, where, waiting = _WORDS[language]
    said = waiting.format(seconds=wait) if wait else mistaken if wrong else ""
    refused = f"<p><strong>{said}</strong></p>" if said else ""
    form = (
        f"<form method=post action=login>{refused}<p>{where}</p>"
        f"<label>{name}<input name=username autocomplete=username autofocus required></label>"
        f"<label>{password}<input name=password type=password autocomplete=current-password required></label>"
        f"<button>{enter}</button></form>"
    )
    policy = {"Content-Security-Policy": POLICY}
    return small_page(language, "Gesso", form, style=_STYLE, status=status, headers=policy)
