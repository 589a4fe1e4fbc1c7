"""C5: the autoencoder in strips against the same layers in one piece, 1024 x 1024 in float32: time, peak, difference.

The two take turns in one process. The peak is that of the bytes that live at once, every result of every operation
counted while it lives, weights left out; as a cross-check each side's resident memory is read in a process of its own,
where the system tells its peak (Linux).
"""

from __future__ import annotations

import json
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.frame import Bench, Figure, Row, alternate, at_most, share, timed
from runtime.engine import strips
from runtime.engine.architecture import Autoencoder, AutoencoderConfig
from runtime.engine.architecture.quick import quicken

AGAINST = "the whole decode"
_MIB = 1 << 20


class Living(TorchDispatchMode):
    """The bytes of all storages that are alive at once, at most."""

    def __init__(self, *before: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._now = 0
        self._known = {_place(one): 0 for one in before}

    def __torch_dispatch__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor) and (place := _place(one)) not in self._known:
                storage = one.untyped_storage()
                self._known[place] = storage.nbytes()
                self._now += storage.nbytes()
                self.peak = max(self.peak, self._now)
                weakref.finalize(storage, self._gone, place)
        return made

    def _gone(self, place: int) -> None:
        self._now -= self._known.pop(place, 0)


def _place(tensor: Tensor) -> int:
    """Of the storage that is seen through it."""
    place: int = tensor.untyped_storage()._cdata  # noqa: SLF001 - the address alone is the same for empty storages
    return place


def autoencoder(config: AutoencoderConfig | None = None) -> Autoencoder:
    """Stable Diffusion's, with seeded random weights, as the engine keeps it on a processor."""
    torch.manual_seed(5)
    made = Autoencoder(config or AutoencoderConfig()).requires_grad_(False)
    made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    quicken(made)
    return made


def sides(vae: Autoencoder, size: int) -> dict[str, Callable[[], Tensor]]:
    """What decodes the same latents to `size` x `size` pixels."""
    latents = torch.randn(1, 4, size // 8, size // 8, generator=torch.Generator().manual_seed(6))
    return {
        "strips": lambda: strips.decode(vae, latents, strips.Strips()),
        "whole": lambda: vae.decode(latents),
    }


def measure(bench: Bench) -> Iterator[Figure]:
    size = 256 if bench.quick else 1024
    vae = autoencoder()
    ways = sides(vae, size)
    with torch.inference_mode():
        pairs = alternate(bench, timed(ways["strips"]), timed(ways["whole"]))
    yield share(pairs, "time", AGAINST, at_most(1.10))
    apart = tuple(float((pair.ours.output - pair.theirs.output).abs().max()) * 127.5 for pair in pairs)
    yield Figure("greatest difference", AGAINST, apart, at_most(1), unit="/255", by="max")
    ours, theirs = (_alone(side, size) for side in ("strips", "whole"))
    note = f"{ours['live'] / _MIB:.0f} of {theirs['live'] / _MIB:.0f} MiB live at once"
    yield Figure("peak of what lives", AGAINST, (ours["live"] / theirs["live"],), at_most(0.25), note=note)
    if ours["resident"] and theirs["resident"]:
        note = f"{ours['resident'] / _MIB:.0f} of {theirs['resident'] / _MIB:.0f} MiB above what lay there before"
        yield Figure("peak of resident memory", AGAINST, (ours["resident"] / theirs["resident"],), note=note)


def _alone(side: str, size: int) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks.strips", side, str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found


def _peaks(side: str, size: int) -> dict[str, int]:
    """Bytes: `live` while the decode was traced; `resident` of a decode beside what was there before, 0 if unknown."""
    vae = autoencoder()
    run = sides(vae, size)[side]
    with torch.inference_mode():
        sides(vae, 64)[side]()
        before = _resident("VmRSS")
        known = _forget_peak()
        run()
        resident = _resident("VmHWM") - before if known else 0
    with torch.no_grad(), Living(*vae.parameters()) as living:
        run()
    return {"live": living.peak, "resident": resident}


def _resident(name: str) -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":")), 0)


def _forget_peak() -> bool:
    """Let the system count the peak of resident memory from now on; False where it does not."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


ROW = Row("C5", "the autoencoder in strips, 1024 x 1024", measure)

if __name__ == "__main__":
    print(json.dumps(_peaks(sys.argv[1], int(sys.argv[2]))))
