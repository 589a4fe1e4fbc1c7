"""Recognise a checkpoint by its tensors' names, and find each parameter's place in it; no tensor is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from runtime.engine.averaged import with_averaged_as_own
from runtime.engine.diffusers_folder import folder_layout
from runtime.engine.names import TEXT, UNET, UNET_XL, UNET_XL_REFINER, VAE, Names, vae_projection
from runtime.engine.open_clip import open_clip_name, open_clip_pieces
from runtime.engine.outline import read_outline
from runtime.engine.pieces import Layout, Part, Piece
from runtime.engine.traits import Family
from runtime.request import RequestError

Shapes = Mapping[str, tuple[int, ...]]
#: tensors whose presence says what the U-Net predicts
MARKERS = ("v_pred", "ztsnr", "edm_mean", "edm_vpred.sigma_max")
_SMALL_TEXT = "cond_stage_model.transformer."
_LARGE_TEXT = "cond_stage_model.model."
_XL_SMALL_TEXT = "conditioner.embedders.0.transformer."
_XL_LARGE_TEXT = "conditioner.embedders.1.model."
_REFINER_TEXT = "conditioner.embedders.0.model."
#: by a text model's prefix: what only this family has
_FAMILIES: tuple[tuple[str, Family], ...] = (
    (_XL_LARGE_TEXT, "sdxl"),
    (_REFINER_TEXT, "sdxl-refiner"),
    (_LARGE_TEXT, "sd2"),
)
_UNETS: Mapping[Family, Names] = {"sd1": UNET, "sd2": UNET, "sdxl": UNET_XL, "sdxl-refiner": UNET_XL_REFINER}
_HERE = "Choose a checkpoint of Stable Diffusion 1.x, 2.x or XL."
#: how tensors' names begin in what people confuse with a checkpoint
_OTHERS = (
    (("lora_unet_", "lora_te", "lycoris_"), "a LoRA", "Put it into models/Lora and choose a checkpoint here."),
    (("control_model.", "controlnet_"), "a ControlNet", "Choose a checkpoint here."),
    (("encoder.", "decoder.", "quant_conv."), "a VAE alone", "Put it into models/VAE and choose a checkpoint here."),
    (("first_stage_model.",), "a VAE alone", "Put it into models/VAE and choose a checkpoint here."),
    (("emb_params", "string_to_param", "clip_l", "clip_g"), "an embedding", "Put it into embeddings/ instead."),
    (("down_blocks.", "conv_in."), "a U-Net alone", "Give its whole folder, the one with model_index.json."),
    (("body.", "model.0.", "conv_first."), "an upscaler", "Put it into models/ESRGAN and choose a checkpoint here."),
    (("double_blocks.", "model.diffusion_model.double_blocks."), "a Flux model", ""),
    (("joint_blocks.", "model.diffusion_model.joint_blocks."), "a Stable Diffusion 3 model", ""),
    (("model.diffusion_model.",), "a model of another family", ""),
)


def read_layout(path: Path) -> Layout:
    """RequestError with a `checkpoint-…` code says what is wrong with the file, or what else it is."""
    if path.is_dir():
        return folder_layout(path)
    header = read_outline(path, "checkpoint")
    shapes = with_averaged_as_own({name: shape for name, (_dtype, shape) in header.tensors.items()})
    own = {name: shape for name, (shape, _stored) in shapes.items()}
    if UNET.prefix + "input_blocks.0.0.weight" not in own:
        _refuse_strangers(path.name, own)
    family = _family(own)
    unet = _part(_UNETS[family], own)
    stored = {key: Piece(shapes[piece.name][1], piece.shape) for key, piece in unet.pieces.items()}
    return Layout(
        path,
        family,
        Part(stored, unet.original),
        vae_part(VAE.prefix, own),
        _texts(family, own),
        header.metadata,
        frozenset(name for name in MARKERS if name in own),
    )


def _family(shapes: Shapes) -> Family:
    return next((family for prefix, family in _FAMILIES if any(name.startswith(prefix) for name in shapes)), "sd1")


def _refuse_strangers(name: str, shapes: Shapes) -> None:
    for starts, kind, hint in _OTHERS:
        if any(key.startswith(starts) for key in shapes):
            code = "checkpoint-not-a-model" if hint else "checkpoint-unsupported"
            raise RequestError(code, f"{name} is {kind}, not a checkpoint that can be drawn with.", hint or _HERE)
    shown = ", ".join(list(shapes)[:3]) or "none"
    raise RequestError(
        "checkpoint-not-a-model", f"{name} holds no known model (its first tensors: {shown:.200}).", _HERE
    )


def _part(names: Names, shapes: Shapes) -> Part:
    pieces = {
        names.ours(name) or name: Piece(name, shape) for name, shape in shapes.items() if name.startswith(names.prefix)
    }
    return Part(pieces, lambda ours: names.original(ours) or ours)


def vae_part(prefix: str, shapes: Shapes) -> Part:
    """The autoencoder under `prefix` ("" in a file of its own), in the original's names."""
    pieces: dict[str, Piece] = {}
    for name, shape in shapes.items():
        full = VAE.prefix + name[len(prefix) :]
        if name.startswith(prefix) and not full.startswith((VAE.prefix + "loss.", VAE.prefix + "model_ema.")):
            ours = VAE.ours(full) or name
            pieces[ours] = vae_piece(ours, name, shape)
    return Part(pieces, lambda ours: prefix + (VAE.original(ours) or ours).removeprefix(VAE.prefix))


def vae_piece(ours: str, name: str, shape: tuple[int, ...]) -> Piece:
    """Its attention's matrices are 1x1 convolutions in most files."""
    flat = vae_projection(ours) and len(shape) == 4 and shape[2:] == (1, 1)
    return Piece(name, shape[:2], "flat") if flat else Piece(name, shape)


def _texts(family: Family, shapes: Shapes) -> tuple[Part, ...]:
    if family == "sd1":
        return (_small(_SMALL_TEXT, shapes),)
    if family == "sdxl":
        return _small(_XL_SMALL_TEXT, shapes), _large(_XL_LARGE_TEXT, shapes)
    return (_large(_LARGE_TEXT if family == "sd2" else _REFINER_TEXT, shapes),)


def _small(prefix: str, shapes: Shapes) -> Part:
    """CLIP-L has transformers' own names; early merges left `text_model` out of them."""
    pieces: dict[str, Piece] = {}
    for name, shape in shapes.items():
        if name.startswith(prefix):
            pieces[name[len(prefix) :].removeprefix("text_model.")] = Piece(name, shape)
    # an original without a projection, as CLIP-L is used
    pieces.pop("text_projection.weight", None)
    return Part(pieces, _after(TEXT.prefix if prefix == _SMALL_TEXT else prefix + "text_model."))


def _large(prefix: str, shapes: Shapes) -> Part:
    return Part(open_clip_pieces(prefix, shapes), lambda ours: prefix + open_clip_name(ours))


def _after(prefix: str) -> Callable[[str], str]:
    return lambda ours: prefix + ours
