"""What the rest of the engine must know of a checkpoint: its family, and what its U-Net takes and tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["sd1", "sd2", "sdxl", "sdxl-refiner"]


@dataclass(frozen=True)
class Traits:
    """Read from a file's tensors and metadata; its name plays no part."""

    family: Family = "sd1"
    #: what the U-Net predicts: the noise, or velocity (Salimans & Ho 2022, arXiv:2202.00512)
    prediction: Literal["epsilon", "v"] = "epsilon"
    #: 4; 9 with a mask and a masked picture (inpainting); 8 with a picture (instruct-pix2pix)
    input_channels: int = 4
    #: what the autoencoder's latents are multiplied by
    scaling: float = 0.18215
    #: (width, height) in pixels
    native: tuple[int, int] = (512, 512)
    #: trained with a last level that is nothing but noise (Lin et al. 2023, arXiv:2305.08891)
    zero_terminal_snr: bool = False
