"""Who may use the page and the API: accounts from the flags, strong ones where there would be none."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from shlex import quote

from runtime.flags import Settings, UsageError, is_loopback

Names = Mapping[str, str]
#: a link that is open to the whole world is not given to a password that can be guessed
SHORTEST_FOR_SHARING = 12
#: rights of the group and of everybody
_OTHERS = 0o077


@dataclass(frozen=True)
class Made:
    """Credentials made here, to be said once: 136 bits of password, 192 bits of token."""

    user: str = "gesso"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(17), repr=False)
    token: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)


@dataclass(frozen=True)
class Accounts:
    """Names with passwords; empty is open. Neither map is in the repr."""

    page: Names = field(default_factory=dict, repr=False)
    api: Names = field(default_factory=dict, repr=False)
    made: Made | None = field(default=None, repr=False)

    def who(self, authorization: str) -> Who | None:
        """Whoever this Authorization header (Basic, or Bearer with the token made here) proves; None for nobody."""
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() == "bearer" and self.made:
            return Who(self.made.user, True, True) if _same(rest.strip(), self.made.token) else None
        name, _, password = _decoded(authorization).partition(":")
        return self.check(name, password)

    def check(self, name: str, password: str) -> Who | None:
        """The account of this name and password. All are compared, each in constant time, whoever asks."""
        page, api = _matches(self.page, name, password), _matches(self.api, name, password)
        return Who(name, page, api) if page or api else None


@dataclass(frozen=True)
class Who:
    """A name that was proved, and what it may use."""

    name: str
    page: bool
    api: bool


def make_accounts(settings: Settings) -> Accounts:
    """Accounts from the flags. UsageError for an entry that is none, or one too weak for a public link.

    The page's accounts guard the API too where it has none of its own; AUTOMATIC1111 leaves it open. Reachable from
    outside, or with --local-auth, nothing is left open: the API's accounts do not open the page, which gets new ones.
    """
    page = {**_accounts(settings.text("gradio_auth")), **_accounts_in_file(settings)}
    api = _accounts(settings.text("api_auth"))
    if settings.on("share"):
        _refuse_weak({**page, **api})
    found = Accounts(page, api or page)
    open_to_all = settings.on("i_accept_unprotected_remote") if settings.exposed else not settings.on("local_auth")
    if open_to_all:
        return found
    if api and (page or not settings.page):
        return found
    if page:
        return found
    made = Made()
    own = {made.user: made.password}
    return replace(found, page=own, api=api or own, made=made)


def _refuse_weak(accounts: Names) -> None:
    for name, password in accounts.items():
        if len(password) < SHORTEST_FOR_SHARING:
            raise UsageError(
                f"The password of {name} is too short for --share: anybody may try it there. "
                f"Take at least {SHORTEST_FOR_SHARING} characters, or leave it out: a strong one is made then."
            )


def _accounts(text: str | None) -> dict[str, str]:
    """`name:password[,name:password]` on each line; a password may hold colons, and commas where what follows them is
    no account. UsageError for a line without one.
    """
    found = {}
    for line in filter(None, map(str.strip, (text or "").split("\n"))):
        entries = [entry.strip() for entry in line.split(",") if entry.strip()]
        several = bool(entries) and all(map(_account, entries))
        for entry in entries if several else [line]:
            if (account := _account(entry)) is None:
                raise UsageError("Credentials are written name:password, several separated by commas.")
            found[account[0]] = account[1]
    return found


def _account(entry: str) -> tuple[str, str] | None:
    name, _, password = entry.partition(":")
    return (name, password) if name and password else None


def _accounts_in_file(settings: Settings) -> dict[str, str]:
    file = settings.path("gradio_auth_path")
    if file is None:
        return {}
    try:
        return _accounts(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as refused:
        raise UsageError(f"The file of --gradio-auth-path cannot be read: {refused}") from refused


def open_to_others(settings: Settings) -> Iterator[str]:
    """Sentences about who else may read the passwords: on this computer, and on their way through the network."""
    written = [key for key in ("gradio_auth", "api_auth") if key in settings.spoken and settings.text(key)]
    if written and os.name == "posix":
        names = " and ".join(f"--{key.replace('_', '-')}" for key in written)
        yield (
            f"On the command line other users of this computer can read the password of {names}. Put it into a file "
            "that only you can read (--gradio-auth-path FILE), or into the variable COMMANDLINE_ARGS."
        )
    file = settings.path("gradio_auth_path")
    if file and os.name == "posix" and file.stat().st_mode & _OTHERS:
        yield f"Other users of this computer may have a right to the passwords in {file}: chmod 600 {quote(str(file))}"
    if not is_loopback(settings.host) and not (settings.text("tls_certfile") and settings.text("tls_keyfile")):
        yield (
            "Other computers reach it without TLS: whoever is on the way can read passwords and pictures. Give "
            "--tls-certfile and --tls-keyfile, or put a proxy in front that speaks HTTPS."
        )


def name_in(authorization: str) -> str:
    """Who a header says that it is; empty where it names nobody."""
    return _decoded(authorization).partition(":")[0]


def _decoded(authorization: str) -> str:
    """name:password of a Basic header; empty for any other."""
    scheme, _, coded = authorization.partition(" ")
    try:
        given = base64.b64decode(coded.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return ""
    try:
        return given.decode()
    except UnicodeDecodeError:
        # what older clients, Python's requests among them, send
        return given.decode("latin-1")


def _matches(accounts: Names, name: str, password: str) -> bool:
    given = f"{name}:{password}"
    found = [_same(given, f"{own}:{secret}") for own, secret in accounts.items()]
    return any(found)


def _same(one: str, other: str) -> bool:
    """In a time that tells neither length nor content; digests, since texts beyond ASCII cannot be compared so."""
    return hmac.compare_digest(_digest(one), _digest(other))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
