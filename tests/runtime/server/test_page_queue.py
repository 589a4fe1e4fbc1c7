"""Gradio's queue behind the page: pages that nobody follows are forgotten, and what they hold is bounded."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal
from gradio.state_holder import StateHolder

from runtime.ui import page_queue
from runtime.ui.page_queue import PageQueue, bound_pages


@pytest.fixture
def blocks() -> gr.Blocks:
    with gr.Blocks() as made:
        text = gr.Textbox()
        text.change(lambda each: each, text, text, concurrency_limit=None)
    bound_pages(made)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(page_queue, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def queue_of(blocks: gr.Blocks) -> PageQueue:
    queue = blocks._queue
    assert isinstance(queue, PageQueue)
    return queue


async def call(queue: PageQueue, page: str) -> tuple[Any, ...]:
    request: Any = SimpleNamespace()
    body = PredictBodyInternal(data=["x"], fn_index=0, session_hash=page)
    return await queue.push(body, request, None)


async def followed(queue: PageQueue, page: str, until: asyncio.Event) -> list[Any]:
    """As the page's browser does: it reads whatever comes."""
    told, unread = [], queue.pending_messages_per_session[page]
    while not until.is_set():
        with suppress(TimeoutError, asyncio.TimeoutError):
            told.append(await asyncio.wait_for(unread.get(), 0.01))
    return told


def test_a_page_that_nobody_follows_is_forgotten_with_its_calls(blocks: gr.Blocks, clock: SimpleNamespace) -> None:
    async def go() -> None:
        queue, over = queue_of(blocks), asyncio.Event()
        await call(queue, "gone")
        await call(queue, "there")
        reading = asyncio.create_task(followed(queue, "there", over))
        await asyncio.sleep(0.05)
        clock.seconds += 61
        await asyncio.sleep(0.05)
        await call(queue, "new")
        assert {"there", "new"} == set(queue.pending_messages_per_session) == set(queue.pending_event_ids_session)
        alive = {event.session_hash: event.alive for event in queue.event_ids_to_events.values()}
        assert alive == {"gone": False, "there": True, "new": True}
        over.set()
        assert len(await reading) >= 1, "the page that is followed is told of its place"

    asyncio.run(go())


def test_a_page_that_left_in_the_middle_of_a_picture_is_told_nothing_more(
    blocks: gr.Blocks, clock: SimpleNamespace
) -> None:
    async def go() -> None:
        queue = queue_of(blocks)
        await call(queue, "gone")
        (event,) = queue.event_ids_to_events.values()
        unread = queue.pending_messages_per_session["gone"]
        before = unread.qsize()
        queue.broadcast_estimations(event.concurrency_id)
        assert (unread.qsize(), event.alive) == (before + 1, True)
        clock.seconds += 61
        queue.broadcast_estimations(event.concurrency_id)
        assert (unread.qsize(), event.alive) == (before + 1, False)

    asyncio.run(go())


def test_a_thousand_pages_at_once_are_two_hundred(blocks: gr.Blocks, clock: SimpleNamespace) -> None:
    async def go() -> None:
        queue, over = queue_of(blocks), asyncio.Event()
        queue.max_size = None
        await call(queue, "there")
        reading = asyncio.create_task(followed(queue, "there", over))
        for number in range(1000):
            clock.seconds += 0.01
            await call(queue, f"page{number}")
            await asyncio.sleep(0)
        pages = queue.pending_messages_per_session
        assert len(pages) == len(queue.pending_event_ids_session) == 200
        assert {"there", "page999"} <= set(pages), "whoever looks on stays"
        assert "page0" not in pages
        over.set()
        await reading

    asyncio.run(go())


def test_what_waits_is_bounded(blocks: gr.Blocks, clock: SimpleNamespace) -> None:
    async def go() -> None:
        queue = queue_of(blocks)
        assert (await call(queue, "n" * 65))[2] == "error"
        assert [(await call(queue, "one"))[2] for _ in range(100)] == ["success"] * 100
        assert (await call(queue, "two"))[2] == "queue_full"
        queue.max_size = None
        answers = [(await call(queue, "three"))[2] for _ in range(300)]
        assert answers.count("success") == 200
        assert len(queue.event_analytics) <= 1

    asyncio.run(go())


def test_what_a_control_is_sent_is_not_kept(blocks: gr.Blocks) -> None:
    holder = StateHolder()
    holder.set_blocks(blocks)
    page = holder["page"]
    page._update_value_in_config(next(iter(blocks.blocks)), "x" * 1_000_000)
    assert not page.config_values
    assert holder.capacity == 200


def test_the_pages_own_blocks_have_this_queue(blocks: gr.Blocks) -> None:
    assert queue_of(blocks).max_thread_count == blocks.max_threads
