"""Previews: seldom, cheap, and written by a thread of their own."""

import io
import threading
from dataclasses import replace
from unittest.mock import Mock

import pytest
import torch
from PIL import Image

from runtime.engine import preview
from runtime.engine.device_queue import queue_of
from runtime.engine.pace import AHEAD, Pace
from runtime.engine.preview_desk import PAUSE, SHARE, PreviewDesk, Throttle

CPU = queue_of(torch.device("cpu"))


def test_previews_keep_a_pause_and_a_share_of_the_time():
    throttle = Throttle()
    assert throttle.due(10.0)
    throttle.spent(10.0, 10.0, cost=SHARE * PAUSE / 10)
    assert not throttle.due(10.0 + PAUSE * 0.9)
    assert throttle.due(10.0 + PAUSE)
    throttle.spent(20.0, 20.2, cost=0.2)
    assert not throttle.due(20.2 + 0.19 / SHARE)
    assert throttle.due(20.2 + 0.21 / SHARE)


def test_a_preview_is_written_in_another_thread_while_the_next_waits_its_turn():
    got, may_go_on, now = [], threading.Event(), [0.0]

    def deliver(preview):
        may_go_on.wait(10)
        got.append((threading.current_thread() is threading.main_thread(), preview))

    desk = PreviewDesk(CPU, deliver, lambda: now[0])
    grey = torch.zeros(3, 8, 16)
    assert desk.free()
    desk.put(lambda: grey)
    now[0] = 1e6
    assert not desk.free()
    may_go_on.set()
    desk.close()
    ((in_main, preview),) = got
    assert not in_main
    image = Image.open(io.BytesIO(preview))
    assert (image.size, image.getpixel((0, 0))) == ((16, 8), (127, 127, 127))
    assert not desk.free()
    now[0] = 2e6
    assert desk.free()


def test_a_preview_that_cannot_be_delivered_costs_no_picture(capsys):
    def fail(_preview):
        raise OSError("the pipe is gone")

    desk = PreviewDesk(CPU, fail)
    desk.put(lambda: torch.zeros(3, 8, 8))
    desk.close()
    assert "the pipe is gone" in capsys.readouterr().err


def test_a_preview_that_memory_does_not_suffice_for_is_left_out():
    def lack():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    got, now = [], [0.0]
    desk = PreviewDesk(CPU, got.append, lambda: now[0])
    desk.put(lack)
    assert not desk.free()
    now[0] = 2 * PAUSE
    assert desk.free()
    desk.put(lambda: torch.zeros(3, 8, 8))
    desk.close()
    assert len(got) == 1
    with pytest.raises(RuntimeError, match="a fault"):
        desk.put(Mock(side_effect=RuntimeError("a fault")))


def test_the_vae_is_not_brought_beside_a_u_net_that_needs_the_room(model, monkeypatch):
    monkeypatch.setattr(preview, "decoder_is_small", lambda _store: False)
    latents, before = torch.zeros(1, 4, 8, 8), model.store.policy
    try:
        assert preview.glimpse(model, latents, method="Full").shape == (3, 64, 64)
        model.store.prepare(replace(before, mode="medvram"))
        assert preview.glimpse(model, latents, method="Full").shape == (3, 8, 8)
    finally:
        model.store.prepare(before)


class Device:
    """Does nothing by itself; knows how many marks were set, and which were waited for."""

    def __init__(self):
        self.set, self.waited = 0, []

    def mark(self):
        self.set += 1
        return Waiting(self, self.set)


class Waiting:
    def __init__(self, device, number):
        self.device, self.number = device, number

    def wait(self):
        self.device.waited.append(self.number)


@pytest.mark.parametrize("steps", [1, AHEAD, AHEAD + 1, 20])
def test_the_loop_runs_ahead_of_the_device_by_so_many_steps(steps):
    device = Device()
    pace = Pace(device)
    for _ in range(steps):
        pace.step()
    assert device.set == steps
    assert device.waited == list(range(1, steps - AHEAD + 1))
