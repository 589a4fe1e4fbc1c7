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
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (30, 100))
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda: stats)
    card = said(event="loaded")["cuda"]
    assert card["system"] == {"free": 30, "used": 70, "total": 100}
    assert [card[name]["peak"] for name in ("active", "allocated", "reserved", "inactive")] == [10, 11, 12, 13]
    assert card["inactive"]["current"] == 3
    assert card["events"] == {"retries": 3, "oom": 1}


def test_a_card_that_has_failed_does_not_keep_the_worker_from_telling_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", fails)
    assert said(event="failed") == {"event": "failed"}
