"""A card's stand-in: torch.cuda's own Python over C functions that only count, so that its checks of arguments run."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import torch

GIB = 1 << 30


@dataclass
class Card:
    """What the C functions tell, and what they were told."""

    total: int = 8 * GIB
    free: int = 7 * GIB
    reserved: int = 0
    #: most bytes in use since the peak was forgotten
    peak: int = 0
    #: of the whole card, what torch's allocator may take
    fraction: float = 1.0
    count: int = 1
    current: int = 0
    #: by its number where it is not 8.6
    capabilities: dict[int, tuple[int, int]] = field(default_factory=dict)

    def forget_peak(self, _index: int) -> None:
        self.peak = 0

    def limit(self, fraction: float, _index: int) -> None:
        self.fraction = fraction

    def choose(self, index: int) -> None:
        if not 0 <= index < self.count:
            raise RuntimeError("CUDA error: invalid device ordinal")
        self.current = index

    def stats(self, _index: int) -> dict[str, object]:
        one = {"all": {"current": self.reserved, "peak": self.peak}}
        return {"reserved_bytes": one, "allocated_bytes": one, "active_bytes": one}

    def properties(self, index: int) -> SimpleNamespace:
        major, minor = self.capabilities.get(index, (8, 6))
        return SimpleNamespace(uuid="none", name="A card", major=major, minor=minor, total_memory=self.total)


def put_in(monkeypatch: pytest.MonkeyPatch, **facts: object) -> Card:
    """Until the test ends torch finds a card of these `facts`; nothing can be computed on it."""
    card = Card(**facts)  # type: ignore[arg-type]
    functions = {
        "_cuda_getDeviceCount": lambda: card.count,
        "_cuda_getDevice": lambda: card.current,
        "_cuda_setDevice": card.choose,
        "_cuda_emptyCache": lambda: None,
        "_cuda_getMemoryFraction": lambda _index: card.fraction,
        "_cuda_setMemoryFraction": card.limit,
        "_cuda_memoryStats": card.stats,
        "_cuda_resetPeakMemoryStats": card.forget_peak,
    }
    for name, function in functions.items():
        monkeypatch.setattr(torch._C, name, function, raising=False)
    monkeypatch.setattr(torch.cuda, "_is_compiled", lambda: True)
    monkeypatch.setattr(torch.cuda, "_initialized", True)
    monkeypatch.setattr(torch.cuda, "_cached_device_count", None)
    for module in (torch.cuda, torch.cuda.memory):
        monkeypatch.setattr(module, "_lazy_init", lambda: None)
    monkeypatch.setattr(torch.cuda, "_get_device_properties", card.properties, raising=False)
    runtime = SimpleNamespace(cudaMemGetInfo=lambda _index: (card.free, card.total))
    monkeypatch.setattr(torch.cuda, "cudart", lambda: runtime)
    return card
