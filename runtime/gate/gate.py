"""One layer around everything: nothing behind it sees a request that it does not let in.

In this order: the server's name, the asking page, sizes and types, credentials, how often, what exists at all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.api.errors import BodyError, Refusal
from runtime.api.paths import PING, is_api, plain_path
from runtime.flags import Settings
from runtime.gate import login, sessions
from runtime.gate.accounts import Accounts, Who, name_in
from runtime.gate.bodies import UPLOAD, Bounded, Limit, announced, no_room, refuse_head, takes_files
from runtime.gate.guesses import Guesses, place_of
from runtime.gate.hosts import Hosts
from runtime.gate.origins import Origins, foreign
from runtime.gate.pace import Pace
from runtime.gate.room import Room, Share, make_room
from runtime.gate.routes import LOGIN, LOGOUT, STREAMS, Kind, file_in, kind_of
from runtime.gate.served import may_serve, with_headers
from runtime.gate.told import told
from runtime.gate.values import MOST, MOST_OF_THE_PAGE, Values
from runtime.visitors import USER, address_of, client_of

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Gesso", charset="UTF-8"'}
_MOST_OF_A_FORM = 10_000


@dataclass
class Gate:
    """An ASGI application around `app`. `folders` hold the files that may be served."""

    app: ASGIApp
    settings: Settings
    accounts: Accounts
    folders: Sequence[Path] = ()
    hosts: Hosts = field(init=False)
    origins: Origins = field(init=False)
    #: of bodies in memory, and of files on their way to the disk
    room: Room = field(init=False)
    files: Room = field(init=False)
    logins: sessions.Sessions = field(default_factory=sessions.Sessions)
    guesses: Guesses = field(default_factory=Guesses)
    pace: Pace = field(default_factory=Pace)
    clock: Callable[[], float] = time.monotonic
    #: the public link's name, once there is one
    _link: str = ""
    _last_by_link: float = 0.0

    def __post_init__(self) -> None:
        self.hosts, self.origins = Hosts.of(self.settings), Origins(self.settings)
        self.room = Room.of_bodies(self._most, self.settings.exposed)
        self.files = Room.of_files(Limit.of(UPLOAD, self._most).most, self.settings.exposed)

    def open_link(self, address: str) -> None:
        """From now on this server goes by the name in this public address too."""
        self._link = urlsplit(address).hostname or ""
        self.hosts.allow(self._link)
        self._last_by_link = self.clock()

    def link_idle(self) -> float:
        """Seconds since somebody came by the public address."""
        return self.clock() - self._last_by_link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._socket(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Neither page nor API uses web sockets: whoever is let in finds none either."""
        asked = Asked(scope)
        if self._refuse(asked, socket=True) is None and not isinstance(self._who(asked), Response):
            await self.app(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Asked(scope)
        file = file_in(asked.path) if asked.kind == "file" else None
        begun = False

        async def careful(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message = with_headers(message, file)
            await send(message)

        files = takes_files(asked.path)
        share = Share(self.files if files else self.room)
        values = None if files else Values(MOST if asked.kind == "api" else MOST_OF_THE_PAGE)
        bounded = Bounded(receive, Limit.of(asked.path, self._most), share, values)
        try:
            answer = self._refuse(asked) or await self._behind(asked, bounded) or await self._crowded(asked, share)
            behind = {**scope, "headers": self.hosts.known_ones(scope["headers"])}
            await (answer or self.app)(behind, bounded, careful)
        except BodyError as too_much:
            if begun:
                raise
            await asked.told(too_much.refusal)(scope, receive, careful)
        finally:
            share.leave()

    @property
    def _most(self) -> int:
        return max(1, int(self.settings.flags["body_limit"])) << 20

    def _refuse(self, asked: Asked, socket: bool = False) -> Response | None:
        """What needs no credentials to be refused."""
        # what looks whether it lives may ask by no name; no browser does
        nameless = asked.path == PING and not asked.header(b"host")
        if not nameless and not self.hosts.knows(asked.header(b"host")):
            return asked.told(self.hosts.refusal(asked.header(b"host")))
        changing = socket or asked.path == LOGOUT or asked.path.startswith(STREAMS)
        page = self.origins.refuses(asked.method, asked.headers, self.hosts.is_named, changing)
        if page is not None:
            return asked.told(foreign(page))
        limit = Limit.of(asked.path, self._most)
        head = refuse_head(asked.method, asked.path, asked.scope["query_string"], asked.scope["headers"], limit)
        return asked.told(head) if head else None

    async def _crowded(self, asked: Asked, share: Share) -> Response | None:
        """The refusal of a body for which there is no room in memory, or none on the disk for its files."""
        files = asked.method == "POST" and takes_files(asked.path)
        most = Limit.of(asked.path, self._most).most
        size = min(announced(asked.headers, self._most if files else 0), most)
        share.who = client_of(asked.scope)
        if not share.grow(size):
            return asked.told(no_room())
        if files and not await run_in_threadpool(make_room, cache_folder(self.settings), max(size, self.files.held)):
            what = "There is no room on the disk for further files."
            return asked.told(Refusal(503, "disk-full", what, "Try again in a few minutes, or make room on the disk."))
        return None

    async def _behind(self, asked: Asked, receive: Receive) -> Response | None:
        """The gate's own answers, and the refusal of whoever may not come in; None lets the request in."""
        if self._link and asked.header(b"host").lower().startswith(self._link):
            self._last_by_link = self.clock()
        if asked.path == LOGIN and self.accounts.page:
            return await self._log_in(asked, receive)
        if asked.path == LOGOUT:
            return self._log_out(asked)
        who = self._who(asked)
        if isinstance(who, Response):
            return who
        asked.scope[USER] = who.name if who else None
        if asked.kind == "none" and self.settings.page:
            return JSONResponse({"detail": "Not Found"}, 404)
        if asked.kind == "file" and not may_serve(file_in(asked.path), self.folders):
            return JSONResponse({"detail": "File not allowed"}, 403)
        asks = f"{who.name if who else ''}@{place_of(asked.address)}"
        wait = self.pace.wait(asks, asked.method, asked.path) if self.settings.exposed else 0.0
        if wait:
            what = "More is asked at once than this server takes from one place."
            return asked.told(Refusal(429, "too-many", what, "Wait a moment."), wait)
        return None

    def _who(self, asked: Asked) -> Who | Response | None:
        """Who asks, None for nobody where nobody is needed, or the refusal.

        Where nobody is needed no password is tried: a proxy in front may pass on one of its own.
        """
        if asked.path == PING or not self._needed(asked.kind):
            return self._logged_in(asked)
        proved = self._proved(asked)
        if isinstance(proved, Response):
            return proved
        if proved is not None and self._enough(proved, asked):
            return proved
        if asked.path == "/" and self.settings.page:
            return login.login_page(asked.header(b"accept-language"))
        return _unauthorized(asked, given=bool(asked.header(b"authorization")))

    def _enough(self, who: Who, asked: Asked) -> bool:
        """May they use this? What the page asks of the API is under /internal."""
        either = asked.path.startswith("/internal/") or not self.settings.page
        return either or (who.api if asked.kind == "api" else who.page)

    def _needed(self, kind: Kind) -> bool:
        return bool(self.accounts.api if kind == "api" or not self.settings.page else self.accounts.page)

    def _proved(self, asked: Asked) -> Who | Response | None:
        """By cookie or header; a name that was tried too often has to wait, be it right or wrong.

        A cookie that is enough counts alone: a proxy in front may pass on a header of its own.
        """
        known = self._logged_in(asked)
        given = asked.header(b"authorization")
        if (known and self._enough(known, asked)) or not given or not (self.accounts.page or self.accounts.api):
            return known
        if given.lower().startswith("bearer "):
            # too long to be guessed, so that nobody's guesses keep its owner out
            return self.accounts.who(given)
        return self._tried(asked, name_in(given), given, lambda: self.accounts.who(given))

    def _logged_in(self, asked: Asked) -> Who | None:
        token = sessions.token_in(asked.header(b"cookie"), sessions.cookie_name(asked.port))
        return self.logins.who(token) if token else None

    def _tried(self, asked: Asked, name: str, secret: str, prove: Callable[[], Who | None]) -> Who | Response | None:
        wait = self.guesses.wait(asked.address, name)
        if wait > 0:
            return asked.told(
                Refusal(429, "too-many-tries", "Too many wrong passwords.", "Wait, then try again."), wait
            )
        who = prove()
        if who:
            self.guesses.right(asked.address, name)
        else:
            self.guesses.wrong(asked.address, name, secret)
        return who

    async def _log_in(self, asked: Asked, receive: Receive) -> Response:
        """`username` and `password` of a form; a browser comes to the page, a program gets JSON, as from Gradio."""
        if asked.method != "POST":
            return RedirectResponse("./" if asked.header(b"accept") else "/", 302)
        fields = dict(parse_qsl((await _form(receive)).decode("utf-8", "replace"), keep_blank_values=True))
        if "username" not in fields:
            return asked.told(Refusal(422, "no-username", "The form has no username.", "Send username and password."))
        name, password = fields["username"].strip(), fields.get("password", "")
        browser = asked.by_browser
        who = self._tried(asked, name, password, lambda: self.accounts.check(name, password))
        if isinstance(who, Response):
            wait = ceil(self.guesses.wait(asked.address, name))
            return login.login_page(asked.header(b"accept-language"), wait=wait, status=429) if browser else who
        if who is None or not who.page:
            wrong = JSONResponse({"detail": "Incorrect credentials."}, 400)
            return login.login_page(asked.header(b"accept-language"), wrong=True, status=400) if browser else wrong
        answer = RedirectResponse("./", 303) if browser else JSONResponse({"success": True})
        token = self.logins.begin(who)
        sessions.give(answer, sessions.cookie_name(asked.port), token, asked.secure)
        return answer

    def _log_out(self, asked: Asked) -> Response:
        name = sessions.cookie_name(asked.port)
        self.logins.end(sessions.token_in(asked.header(b"cookie"), name) or "")
        answer = RedirectResponse("./", 303)
        answer.delete_cookie(name)
        return answer


@dataclass
class Asked:
    """A request as the gate sees it."""

    scope: Scope
    headers: dict[bytes, bytes] = field(init=False)
    path: str = field(init=False)
    kind: Kind = field(init=False)
    address: str = field(init=False)

    def __post_init__(self) -> None:
        self.headers = dict(self.scope["headers"])
        self.path = plain_path(self.scope)
        self.kind = kind_of(self.path)
        self.address = address_of(self.scope)

    @property
    def method(self) -> str:
        return str(self.scope.get("method", "GET"))

    @property
    def port(self) -> int:
        """That browsers know it by."""
        written = self.header(b"host").rpartition(":")[2]
        return int(written) if written.isdecimal() and len(written) < 6 else 0

    @property
    def secure(self) -> bool:
        return self.scope.get("scheme") == "https" or self.header(b"x-forwarded-proto") == "https"

    @property
    def by_browser(self) -> bool:
        """Does a person open a page, or send a form? What scripts and programs ask for may be anything."""
        return "text/html" in self.header(b"accept") and self.kind != "api"

    def told(self, refusal: Refusal, wait: float = 0.0) -> Response:
        """The answer that says it to whoever asks; `wait`: seconds until another try."""
        return told(refusal, self.header(b"accept-language") if self.by_browser else None, wait)

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")


async def _form(receive: Receive) -> bytes:
    found = b""
    more = True
    while more:
        message = await receive()
        found += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(found) > _MOST_OF_A_FORM:
            what = "This is no form to log in."
            raise BodyError(Refusal(413, "body-too-large", what, "Send username and password alone."))
    return found


def _unauthorized(asked: Asked, given: bool) -> Response:
    """Gradio's words for the page: its clients look for them; a browser is not asked by its own window there."""
    if not is_api(asked.path):
        return JSONResponse({"detail": "Not authenticated"}, 401)
    detail = "Incorrect username or password" if given else "Not authenticated"
    body = {"error": "HTTPException", "detail": detail, "body": "", "errors": ""}
    return JSONResponse(body, 401, headers=_CHALLENGE)


def served_folders(settings: Settings) -> tuple[Path, ...]:
    """Copies of what the page shows, and what --gradio-allowed-path names."""
    return (cache_folder(settings), *(Path(each) for each in settings.flags["gradio_allowed_path"]))


def cache_folder(settings: Settings) -> Path:
    """Where Gradio keeps what browsers send and are shown."""
    return Path(os.environ.get("GRADIO_TEMP_DIR") or settings.data_dir / "cache" / "gradio")


def with_origins(gate: Gate) -> ASGIApp:
    """Where --cors-allow-origins names pages, what they may read is said before the gate; nobody else's reads."""
    if not gate.origins.named and not gate.origins.pattern:
        return gate
    return CORSMiddleware(
        gate, allow_origins=gate.origins.named, allow_origin_regex=gate.origins.pattern, allow_methods=["*"],
        allow_headers=["*"], allow_credentials=True,
    )  # fmt: skip
