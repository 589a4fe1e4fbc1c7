"""A web server that tells the time as it is told to, and notes what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def server(ahead: timedelta | None = timedelta()) -> Iterator[str]:
    """Its address; its clock is `ahead` of the real one, None: it has none."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(200)
            if ahead is not None:
                self.send_header("Date", format_datetime(datetime.now(timezone.utc) + ahead, usegmt=True))
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815 - as the library wants it

        def log_message(self, *words: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_address[1]}/"
    finally:
        made.shutdown()
        made.server_close()


@contextmanager
def nobody() -> Iterator[str]:
    """An address at which nothing listens."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = made.server_address[1]
    made.server_close()
    yield f"http://127.0.0.1:{port}/"
