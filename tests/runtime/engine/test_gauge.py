"""What is told of a card's memory; torch's figures are made up here, for there is no card."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from runtime.channel import Message
from runtime.engine import gauge
from runtime.worker import Worker


def said(**body: Any) -> dict[str, Any]:
    """A word of the worker's as the server gets it."""
    sent: list[Message] = []
    channel: Any = SimpleNamespace(send=sent.append)
    Worker(channel, settings=SimpleNamespace()).say(**body)  # type: ignore[arg-type]
    return sent[0].body


def test_without_a_card_nothing_is_told() -> None:
    assert gauge.card() is None
    assert said(event="loaded") == {"event": "loaded"}


def test_the_cards_memory_goes_with_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    stats = {"num_alloc_retries": 3, "num_ooms": 1}
    for number, kind in enumerate(("active", "allocated", "reserved", "inactive_split")):
        stats |= {f"{kind}_bytes.all.current": number, f"{kind}_bytes.all.peak": number + 10}
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (30, 100))
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda _device: stats)
    card = said(event="loaded")["cuda"]
    assert card["system"] == {"free": 30, "used": 70, "total": 100}
    assert [card[name]["peak"] for name in ("active", "allocated", "reserved", "inactive")] == [10, 11, 12, 13]
    assert card["inactive"]["current"] == 3
    assert card["events"] == {"retries": 3, "oom": 1}


def test_a_card_that_has_failed_does_not_keep_the_worker_from_telling_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_device: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", fails)
    assert said(event="failed") == {"event": "failed"}


def test_a_word_from_another_thread_is_about_the_card_that_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that never chose a card takes the first for the current one."""
    asked: list[torch.device] = []

    def free(device: torch.device) -> tuple[int, int]:
        asked.append(device)
        return 30, 100

    def stats(device: torch.device) -> dict[str, int]:
        asked.append(device)
        return {}

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", free)
    monkeypatch.setattr(torch.cuda, "memory_stats", stats)
    channel: Any = SimpleNamespace(send=lambda _message: None)
    worker = Worker(channel, settings=SimpleNamespace(), device=torch.device("cuda", 1))  # type: ignore[arg-type]
    worker.say(event="hash")
    assert asked == [torch.device("cuda", 1)] * 2
