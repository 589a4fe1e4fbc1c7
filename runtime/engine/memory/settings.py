"""What AUTOMATIC1111's flags ask for, as wishes of the planner."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """The flags; what is not asked for is left to the planner."""

    device_id: str | None = None
    #: names as in `--use-cpu all`; `all` and `sd` put everything on the CPU
    use_cpu: tuple[str, ...] = ()
    no_half: bool = False
    no_half_vae: bool = False
    #: `full` is float32
    precision: str = "autocast"
    medvram: bool = False
    #: medvram for SDXL alone
    medvram_sdxl: bool = False
    #: wins over medvram
    lowvram: bool = False
    #: prompt and negative prompt are not planned one after the other; they are taken apart when memory runs out
    always_batch_cond_uncond: bool = False
    channels_last: bool = False
    #: flags by their keys; engine/attention.py knows them
    attention: Mapping[str, object] = field(default_factory=dict)
    use_ipex: bool = False
    check_numbers: bool = True

    @classmethod
    def of(cls, flags: argparse.Namespace) -> Settings:
        return cls(
            device_id=flags.device_id,
            use_cpu=tuple(flags.use_cpu),
            no_half=flags.no_half,
            no_half_vae=flags.no_half_vae,
            precision=flags.precision,
            medvram=flags.medvram,
            lowvram=flags.lowvram,
            medvram_sdxl=flags.medvram_sdxl,
            always_batch_cond_uncond=flags.always_batch_cond_uncond,
            channels_last=flags.opt_channelslast,
            attention=vars(flags),
            use_ipex=flags.use_ipex,
            check_numbers=not flags.disable_nan_check,
        )
