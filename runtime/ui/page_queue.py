"""What Gradio keeps for each page that is open, bounded: of pages that nobody looks at it would keep all, for ever."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

import fastapi
from gradio import Blocks, state_holder
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.server_messages import EventMessage
from gradio.state_holder import SessionState
from gradio.utils import LRUCache

#: seconds for which a page may not ask what became of its calls; its browser does so at once and stays with it
_PATIENCE = 60.0
#: pages of which calls and values are remembered; with more of them the one that was asked for longest ago goes
_MOST_PAGES = 200
#: calls that wait beside those that run, and what a page may be told of that it has not read yet
_MOST_WAITING, _MOST_UNREAD = 100, 200
#: signs of a page's own name; Gradio's browser makes them of 11
_LONGEST_NAME = 64
_Said = tuple[bool, str | list[dict[str, Any]], Literal["success", "error", "queue_full", "validator_error"]]


def bound_pages(blocks: Blocks) -> None:
    """To be called before the blocks are mounted."""
    blocks.state_session_capacity = _MOST_PAGES
    state_holder.SessionState = PageState
    blocks._queue = PageQueue(  # noqa: SLF001 - it has no public door
        live_updates=True,
        concurrency_count=blocks.max_threads,
        update_intervals=1,
        max_size=_MOST_WAITING,
        blocks=blocks,
    )


class PageState(SessionState):  # type: ignore[misc]
    """What a page's own states hold, without Gradio's copy of every control (1 MB) for links that Gesso has not."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(blocks)
        self.config_values: dict[int, Any] = {}

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """It would keep what is sent."""


class _Unread(asyncio.Queue[EventMessage]):
    """What a page has not been told yet."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for = time.monotonic()
        self.followed = False

    async def get(self) -> EventMessage:
        self.asked_for, self.followed = time.monotonic(), True
        try:
            return await super().get()
        finally:
            self.asked_for, self.followed = time.monotonic(), False

    @property
    def forsaken(self) -> bool:
        return not self.followed and time.monotonic() - self.asked_for > _PATIENCE


class _Pages(LRUCache[str, Any]):  # type: ignore[misc]
    """By their names; Gradio's own queue of messages does not know when it was last read."""

    def __setitem__(self, name: str, _: Any) -> None:
        super().__setitem__(name, _Unread())


class PageQueue(Queue):  # type: ignore[misc]
    """Gradio's, which forgets pages that are not followed: their calls end, and their messages go."""

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        self.pending_messages_per_session = _Pages(2 * _MOST_PAGES)
        self.ANALYTICS_MAX_EVENTS = 1

    async def push(self, body: PredictBodyInternal, request: fastapi.Request, username: str | None) -> _Said:
        """Take a call, unless its page has too much unread. As Gradio's: (was it taken, its name or why not, state)."""
        self._forget()
        name = body.session_hash or ""
        if len(name) > _LONGEST_NAME:
            return False, "The name of the page is too long.", "error"
        unread = self.pending_messages_per_session.get(name)
        if unread is not None and unread.qsize() >= _MOST_UNREAD:
            return False, "The page has not read what it was told before.", "queue_full"
        said: _Said = await super().push(body, request, username)
        return said

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Tell the page of a call; a call whose page is forgotten ends at its next step."""
        unread = self.pending_messages_per_session.get(event.session_hash)
        if unread is None or unread.forsaken:
            event.alive = False
        super().send_message(event, event_message)

    def compute_analytics_summary(self, _records: Any) -> dict[str, Any]:
        """Nobody looks at it, and it imports pandas."""
        return {"functions": {}}

    def _forget(self) -> None:
        pages = self.pending_messages_per_session
        for name in [name for name, unread in pages.items() if unread.forsaken]:
            del pages[name]
        while len(pages) >= _MOST_PAGES:
            del pages[min(pages, key=lambda name: (pages[name].followed, pages[name].asked_for))]
        for name in [name for name in self.pending_event_ids_session if name not in pages]:
            del self.pending_event_ids_session[name]
        for event in self.event_ids_to_events.values():
            event.alive = event.alive and event.session_hash in pages
