"""Which torch fits this machine: driver and compute capability against the table in data/torch.toml."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.hardware import Machine
from launcher.core.pip_settings import PipSettings
from launcher.core.sources import Sources
from launcher.core.text import Text


@dataclass(frozen=True)
class TorchChoice:
    """The torch to install; `tag` None: none fits, and `slug`, `reason` say why and what to do."""

    version: str
    tag: str | None
    #: index address, or the user's own folder or index; may hold credentials: show it through `shown`
    source: str | None
    #: one sentence
    reason: Text
    #: version as the installed package gives it: "2.13.0+cpu", on macOS "2.13.0"
    build: str | None = None
    #: a wheel on this computer to install instead of asking `source`
    wheel: str | None = None
    #: of the wheel alone; None is unknown
    bytes: int | None = None
    #: stable name of what stands in the way: driver-too-old, gpu-too-old, mixed-gpus, no-torch-fits …; None if nothing does
    slug: str | None = None


def choose_torch(
    machine: Machine,
    pip: PipSettings,
    python_tag: str,
    sources: Sources = Sources(),  # noqa: B008 - frozen
    *,
    gpu: str | None = None,
    cpu: bool = False,
) -> TorchChoice:
    """The build for the used cards (all, or the one `gpu` names by index or UUID); `cpu` asks for the processor's."""
    raise NotImplementedError


def torch_arguments(choice: TorchChoice) -> list[str]:
    """What follows `uv pip install` to put the chosen torch in: the requirement and the one place it comes from."""
    raise NotImplementedError
