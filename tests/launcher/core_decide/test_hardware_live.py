"""The figures of the moment: over one opening of NVML, and without it."""

from __future__ import annotations

import sys
import threading
from itertools import islice

from launcher.core.hardware.live import live_figures
from tests.fakes.fake_nvml import FakeCard, FakeNvml


def test_cards_are_read_again_over_one_opening_that_is_closed(monkeypatch):
    card = FakeCard()
    library = FakeNvml([card])
    monkeypatch.setitem(sys.modules, "pynvml", library.module())
    cancel = threading.Event()
    figures = live_figures(cancel, every=0.0)
    (first,) = islice(figures, 1)
    card.free, card.busy, card.temperature = 2 << 30, 97, 71
    (then,) = islice(figures, 1)
    assert [(c.vram_total_mib, c.vram_free_mib, c.utilisation_percent, c.temperature_c) for c in first.cards] == [
        (12288, 11264, 3, 41)
    ]
    assert [(c.vram_free_mib, c.utilisation_percent, c.temperature_c) for c in then.cards] == [(2048, 97, 71)]
    assert (library.started, library.ended) == (1, 0)
    cancel.set()
    assert list(figures) == []
    assert (library.started, library.ended) == (1, 1)


def test_without_a_driver_processor_and_memory_are_told(monkeypatch):
    import pynvml

    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(init_error=pynvml.NVMLError_LibraryNotFound).module())
    (found,) = islice(live_figures(threading.Event(), every=0.0), 1)
    assert found.cards == ()
    assert found.processor_percent is not None
    assert 0 <= found.processor_percent <= 100
    assert found.ram_used_mib is not None
    assert found.ram_mib is not None
    assert 0 < found.ram_used_mib < found.ram_mib


def test_a_driver_that_hangs_is_asked_once(monkeypatch):
    library = FakeNvml([FakeCard()], hangs=True)
    monkeypatch.setitem(sys.modules, "pynvml", library.module())
    cancel = threading.Event()
    figures = live_figures(cancel, every=0.0, patience=0.05)
    found = list(islice(figures, 3))
    assert [each.cards for each in found] == [(), (), ()]
    assert found[2].ram_mib
    cancel.set()
    assert list(figures) == []
