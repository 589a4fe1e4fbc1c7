"""What a checkpoint says about itself: marker tensors, metadata, a diffusers scheduler, a `.yaml` beside the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from runtime.engine.pieces import Layout
from runtime.request import RequestError

#: sides in pixels; the metadata is anyone's writing, and what is beyond these was never trained on
SMALLEST_NATIVE_SIDE, LARGEST_NATIVE_SIDE = 64, 2048
#: of Stable Diffusion 2.x that predicts velocity
_VELOCITY_SIDE = 768
_LARGEST_YAML = 1024 * 1024
Prediction = Literal["epsilon", "v"]
_WORDS: Mapping[str, Prediction] = {
    "epsilon": "epsilon",
    "eps": "epsilon",
    "v": "v",
    "v_prediction": "v",
    "v-prediction": "v",
}


def told_prediction(layout: Layout) -> Prediction | None:
    """What the U-Net predicts, where anything says so; RequestError `checkpoint-unsupported` for what is not drawn."""
    if {"edm_mean", "edm_vpred.sigma_max"} & layout.markers:
        _refuse(layout, "EDM's")
    if {"v_pred", "ztsnr"} & layout.markers:
        return "v"
    written = layout.metadata.get("modelspec.prediction_type") or layout.scheduler.get("prediction_type")
    if written:
        return _WORDS.get(written.strip().lower()) or _refuse(layout, f"{written:.40}")
    return _in_yaml(layout.path)


def _refuse(layout: Layout, what: str) -> Prediction:
    message = f"{layout.path.name} predicts {what} quantity, which is neither noise nor velocity."
    raise RequestError("checkpoint-unsupported", message, "Choose another checkpoint.")


def _in_yaml(path: Path) -> Prediction | None:
    """`parameterization: "v"` of the configuration that Stable Diffusion 2.x's authors publish with the file."""
    try:
        with path.with_suffix(".yaml").open("rb") as file:
            text = file.read(_LARGEST_YAML).decode("utf-8", "replace")
    except OSError:
        return None
    found = re.search(r"""^[ \t]*parameterization:[ \t]*["']?(\w+)["']?[ \t]*(?:#.*)?\r?$""", text, re.MULTILINE)
    return _WORDS.get(found.group(1)) if found else None


def told_zero_snr(layout: Layout) -> bool:
    """Was the noise's last level nothing but noise (Lin et al. 2023)?"""
    written = (layout.scheduler.get("rescale_betas_zero_snr"), layout.metadata.get("ss_zero_terminal_snr"))
    return "ztsnr" in layout.markers or any(str(value).lower() == "true" for value in written)


def native_size(layout: Layout, of_family: int, prediction: Prediction) -> tuple[int, int]:
    """(width, height) that the file's maker names, if a model can be trained on it, else the family's square."""
    written = re.fullmatch(r"([0-9]{2,4})x([0-9]{2,4})", layout.metadata.get("modelspec.resolution", ""))
    width, height = (int(side) for side in written.groups()) if written else (0, 0)
    if all(SMALLEST_NATIVE_SIDE <= side <= LARGEST_NATIVE_SIDE for side in (width, height)):
        return width, height
    side = _VELOCITY_SIDE if layout.family == "sd2" and prediction == "v" else of_family
    return side, side
