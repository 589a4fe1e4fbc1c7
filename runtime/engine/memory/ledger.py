"""What was predicted of each job and what came of it: a line in the log, and what is learnt from it for the next."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runtime.engine.memory.plan import Prediction
from runtime.files import write_whole
from runtime.ledger_file import Learnt, read, written

#: how many jobs back the correction looks
_KEPT = 8
#: a step that takes so many times as long as the best one known has been moved into the computer's memory
_SPILLED = 3.0
MIB = 1 << 20
SPILL = (
    "This step took {times:.1f} times as long as usual: the driver seems to have moved memory of the card into the "
    'computer\'s. In NVIDIA\'s control panel, under "Manage 3D settings", set "CUDA - Sysmem Fallback Policy" to '
    '"Prefer No Sysmem Fallback"; or draw smaller or fewer pictures.'
)


@dataclass(frozen=True)
class Outcome:
    """What a run of the sampler really took; None where the device does not tell."""

    #: bytes of weights and activations at their highest
    peak: int | None
    #: of one call of the U-Net
    step_seconds: float


class Ledger:
    """Of one device; `file` None: nothing outlives the process."""

    def __init__(self, file: Path | None, device: str) -> None:
        self._file = file
        self._all = read(file)
        self._own = self._all.setdefault(device, Learnt())

    @property
    def correction(self) -> float:
        """What activations take, through what a trace says."""
        return self._own.correction

    @property
    def bytes_per_second(self) -> float:
        """To the device."""
        return self._own.bandwidth

    def measure(self, measured: Callable[[], float | None]) -> None:
        """How fast bytes come to the device: asked once, and kept."""
        if self._own.bytes_per_second is None and (found := measured()) is not None:
            self._own.bytes_per_second = float(round(found))
            self._write()

    def step_seconds(self, work: str) -> float | None:
        """Of this work with all weights on the device; the shortest that was seen."""
        return self._own.steps.get(work)

    def note(self, work: str, predicted: Prediction, outcome: Outcome) -> None:
        """`work` names the model, the size and how it is drawn; it went as was planned."""
        usual = self.step_seconds(work)
        sys.stderr.write(_line(work, predicted, outcome) + "\n")
        if usual is not None and spilled(outcome.step_seconds, usual, predicted.slowdown):
            sys.stderr.write("Warning: " + SPILL.format(times=outcome.step_seconds / usual) + "\n")
        if predicted.slowdown == 1.0:
            self._own.steps[work] = round(min(outcome.step_seconds, usual or outcome.step_seconds), 6)
        weights = predicted.weights_bytes
        traced = (predicted.drawing_bytes - weights) / self.correction
        if outcome.peak is not None and traced > 0:
            self._own.ratios = [*self._own.ratios, round((outcome.peak - weights) / traced, 4)][-_KEPT:]
        self._write()

    def _write(self) -> None:
        """A ledger that cannot be written costs no picture."""
        if self._file is None:
            return
        with suppress(OSError):
            write_whole(self._file, written(self._all))


def spilled(seconds: float, usual: float, slowdown: float | None, windows: bool = sys.platform == "win32") -> bool:
    """Has the driver moved memory, rather than refused it? Windows' do; all else that is known to slow is left out."""
    return windows and slowdown is not None and seconds > usual * slowdown * _SPILLED


def _line(work: str, predicted: Prediction, outcome: Outcome) -> str:
    peak = "not told" if outcome.peak is None else f"{outcome.peak // MIB} MiB"
    # where there is plenty nothing is traced
    memory = f"predicted {predicted.peak_bytes // MIB} MiB, measured {peak}; " if predicted.peak_bytes else ""
    seconds = "unknown" if predicted.step_seconds is None else f"{predicted.step_seconds:.3f} s"
    return f"Memory of {work}: {memory}a step: predicted {seconds}, measured {outcome.step_seconds:.3f} s."
