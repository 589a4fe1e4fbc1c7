"""The form that asks for name and password: one small page of our own, nothing from elsewhere, no script."""

from __future__ import annotations

from starlette.responses import HTMLResponse

_WORDS = {
    "en": ("Gesso", "Name", "Password", "Log in", "Name or password is wrong.",
           "They were shown where Gesso was started.", "Too many wrong tries. Try again in {seconds} seconds."),
    "zh": ("Gesso", "用户名", "密码", "登录", "用户名或密码不对。",
           "启动 Gesso 时显示过用户名和密码。", "错误次数太多，请在 {seconds} 秒后再试。"),
}  # fmt: skip
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"


def login_page(accept_language: str, wrong: bool = False, wait: int = 0, status: int = 200) -> HTMLResponse:
    """In the browser's language; says what was `wrong`, or how many seconds to `wait`."""
    language = "zh" if accept_language.lower().lstrip().startswith("zh") else "en"
    title, name, password, enter, mistaken, where, waiting = _WORDS[language]
    said = waiting.format(seconds=wait) if wait else mistaken if wrong else where
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><style>'
        "html{color-scheme:light dark;font:18px/1.6 system-ui,sans-serif}"
        "body{min-height:90vh;display:grid;place-content:center;padding:0 1rem}"
        "input,button{font:inherit;display:block;width:18rem;padding:.4rem;margin:.2rem 0 1rem;box-sizing:border-box}"
        f"</style></head><body><h1>{title}</h1><form method=post action=login><p>{said}</p>"
        f"<label>{name}<input name=username autocomplete=username autofocus required></label>"
        f"<label>{password}<input name=password type=password autocomplete=current-password required></label>"
        f"<button>{enter}</button></form></body></html>",
        status,
        headers={"Cache-Control": "no-store", "Content-Security-Policy": POLICY},
    )
