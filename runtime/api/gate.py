"""Who may use the page and the API: accounts from the flags, strong ones where there would be none."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import JSONResponse, Response

from runtime.flags import Settings, UsageError

Accounts = Mapping[str, str]
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Gesso", charset="UTF-8"'}


@dataclass(frozen=True)
class Gate:
    """Names with passwords; empty is open. Never printed: neither map is in the repr."""

    page: Accounts = field(default_factory=dict, repr=False)
    api: Accounts = field(default_factory=dict, repr=False)
    #: a name and password made here, to be said once
    made: tuple[str, str] | None = field(default=None, repr=False)

    def refuse(self, authorization: str | None) -> Response | None:
        """The 401 for an API request with this Authorization header; None lets it in."""
        if not self.api:
            return None
        if authorization is None:
            return _unauthorized("Not authenticated")
        return None if _matches(self.api, authorization) else _unauthorized("Incorrect username or password")


def make_gate(settings: Settings) -> Gate:
    """Accounts from the flags; reachable from outside, page and API share what there is, or both get a new one."""
    page = {**_accounts(settings.text("gradio_auth")), **_accounts_in_file(settings)}
    api = _accounts(settings.text("api_auth"))
    if not settings.exposed:
        return Gate(page, api)
    if page or api:
        return Gate(page or api, api or page)
    made = ("gesso", secrets.token_urlsafe(15))
    return Gate(dict([made]), dict([made]), made)


def _accounts(text: str | None) -> dict[str, str]:
    """`name:password[,name:password]`; a password may hold colons. UsageError for an entry without one."""
    found = {}
    for entry in filter(None, (part.strip() for part in (text or "").replace("\n", ",").split(","))):
        name, colon, password = entry.partition(":")
        if not (name and colon and password):
            raise UsageError("Credentials are written name:password, several separated by commas.")
        found[name] = password
    return found


def _accounts_in_file(settings: Settings) -> dict[str, str]:
    file = settings.path("gradio_auth_path")
    if file is None:
        return {}
    try:
        return _accounts(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as refused:
        raise UsageError(f"The file of --gradio-auth-path cannot be read: {refused}") from refused


def _matches(accounts: Accounts, authorization: str) -> bool:
    """Is this Basic header one of the accounts? Every account is compared, each in constant time."""
    scheme, _, coded = authorization.partition(" ")
    try:
        given = base64.b64decode(coded.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        given = b""
    matching = [hmac.compare_digest(given, f"{name}:{password}".encode()) for name, password in accounts.items()]
    return any(matching)


def _unauthorized(detail: str) -> Response:
    body = {"error": "HTTPException", "detail": detail, "body": "", "errors": ""}
    return JSONResponse(body, status_code=401, headers=_CHALLENGE)
