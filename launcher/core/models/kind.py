"""What a model is, judged by its tensors' names and shapes alone: kind, family, precision. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from launcher.core.models.header import Tensors
from launcher.core.models.outline import Outline

Kind = Literal[
    "checkpoint", "vae", "lora", "embedding", "hypernetwork", "upscaler", "controlnet", "face", "interrogate",
    "preview-decoder", "diffusion-model", "text-encoder", "adapter", "motion",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
#: families that the runtime draws with; the others are named, and said not to be
SUPPORTED = frozenset(("sd1", "sd2", "sdxl", "sdxl-refiner"))

_UNET = "model.diffusion_model."
_FIRST = _UNET + "input_blocks.0.0.weight"
#: a text model's prefix -> the family that alone has it (as the runtime tells them apart)
_TEXTS = (
    ("conditioner.embedders.1.model.", "sdxl"),
    ("conditioner.embedders.0.model.", "sdxl-refiner"),
    ("cond_stage_model.model.", "sd2"),
    ("cond_stage_model.", "sd1"),
)
#: width of the text states that attention looks at -> family
_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl-refiner"}
_STRANGERS = (
    (
        ("double_blocks.", _UNET + "double_blocks.", "lora_unet_double_blocks_", "transformer.double_blocks.",
         "transformer.single_transformer_blocks."),
        "flux",
    ),
    (
        ("joint_blocks.", _UNET + "joint_blocks.", "lora_unet_joint_blocks_",
         "transformer.transformer_blocks.0.norm1_context"),
        "sd3",
    ),
)  # fmt: skip
#: how names begin -> kind, the first that fits; what a LoRA's names hold comes before
_STARTS: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("control_model.", "controlnet_", "input_hint_block.", "zero_convs.", "controlnet_cond_embedding."), "controlnet"),
    (("ip_adapter.", "image_proj.", "adapter.body."), "adapter"),
    (("emb_params", "string_to_param", "clip_l", "clip_g"), "embedding"),
    (("visual_encoder.", "text_decoder.", "visual.transformer."), "interrogate"),
    (("stylegan_decoder.", "fuse_convs_dict.", "ClassHead.", "fpn.", "out_mask_conv."), "face"),
    (("decoder.up.", "first_stage_model.", "decoder.up_blocks.", "encoder.down.", "encoder.down_blocks."), "vae"),
    (("decoder.layers.", "1.conv.0.", "3.conv.0.", "encoder.layers.1.conv."), "preview-decoder"),
    (("text_model.encoder.", "transformer.resblocks.", "encoder.block."), "text-encoder"),
    (("conv_first.", "model.0.weight", "model.1.sub.", "body.0.rdb1.", "m_head.", "body.0.weight"), "upscaler"),
    (("layers.0.residual_group.", "layers.0.blocks.", "RRDB_trunk.", "params_ema.conv_first."), "upscaler"),
    (("double_blocks.", "joint_blocks.", "down_blocks.", "input_blocks.", _UNET), "diffusion-model"),
)
#: characters; the longest beginning that is looked for
_LONGEST_START = 46
_LORA_STARTS = ("lora_unet_", "lora_te", "lora_prior", "lycoris_", "lora_transformer_")
_LORA_PARTS = (
    ".lora_A.", ".lora_B.", ".lora_down.", ".lora_up.", ".lora.down.", ".lora.up.", "_lora.down.", ".hada_w1_a",
    ".lokr_w", ".oft_blocks", ".oft_diag", ".lora_linear_layer.",
)  # fmt: skip
#: the side of a LoRA's layer that takes the text states
_TAKES = ("down.weight", "lora_A.weight", "lora_A.default.weight", "hada_w1_b", "hada_w2_b", ".down.weight")
_PRECISIONS = {"F64": "fp64", "F32": "fp32", "F16": "fp16", "BF16": "bf16", "F8_E4M3": "fp8", "F8_E5M2": "fp8"}
_VARIANTS = {4: None, 9: "inpainting", 8: "pix2pix", 5: "depth", 7: "upscaling"}


@dataclass(frozen=True)
class Judgement:
    """`variant`: inpainting, pix2pix, depth, upscaling; `lacks`: what a checkpoint should have and has not."""

    kind: Kind | None = None
    family: str | None = None
    precision: str | None = None
    variant: str | None = None
    lacks: str | None = None

    @property
    def supported(self) -> bool:
        """Can the runtime draw with it? True too where nothing speaks against it."""
        return (self.family is None or self.family in SUPPORTED) and self.variant not in ("depth", "upscaling")


class _Names:
    """Tensors' names as one text, so that looking for a beginning among thousands takes one search."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        # thousands of names share a few hundred beginnings
        self._text = "\n" + "\n".join({name[:_LONGEST_START] for name in tensors}) + "\n"

    def begin(self, starts: Iterable[str]) -> bool:
        """Does any name begin with one of these?"""
        return any("\n" + start in self._text for start in starts)

    def hold(self, parts: Iterable[str]) -> bool:
        """Is one of these in any name?"""
        text = "\n".join(self._tensors)
        return any(part in text for part in parts)


def judge(outline: Outline) -> Judgement:
    """By content: the file's name and folder play no part."""
    names = _Names(outline.tensors)
    kind = _kind(outline, names)
    precision = _precision(outline.amounts)
    if kind == "checkpoint":
        return _checkpoint(outline.tensors, names, precision)
    lacks = "weights" if kind is None and not outline.tensors else None
    return Judgement(kind, _family(kind, outline, names), precision, lacks=lacks)


def _precision(amounts: Mapping[str, int]) -> str | None:
    """The type that holds the most bytes: fp16, bf16, fp32, fp8; None without numbers."""
    counted: dict[str, int] = {}
    for dtype, size in amounts.items():
        if dtype in _PRECISIONS and size:
            counted[_PRECISIONS[dtype]] = counted.get(_PRECISIONS[dtype], 0) + size
    return max(counted, key=lambda name: counted[name]) if counted else None


def _kind(outline: Outline, names: _Names) -> Kind | None:
    if _FIRST in outline.tensors or names.begin(("model_ema.diffusion_model",)):
        return "checkpoint"
    # a ControlNet in a LoRA's form calls itself so
    if "lora_controlnet" in outline.tensors:
        return "controlnet"
    if names.begin(_LORA_STARTS):
        return "lora"
    if names.hold(("motion_modules.",)):
        return "motion"
    if names.hold(_LORA_PARTS):
        return "lora"
    if outline.format == "torchscript":
        return "interrogate"
    by_start = next((kind for starts, kind in _STARTS if names.begin(starts)), None)
    return by_start or _by_words(outline, names)


def _by_words(outline: Outline, names: _Names) -> Kind | None:
    """Of pickles whose tensors lie deeper: A1111's embeddings and hypernetworks."""
    if "string_to_param" in outline.words:
        return "embedding"
    if "layer_structure" in outline.words or names.begin(("linear.0.", "linear1.")):
        return "hypernetwork"
    shapes = [shape for dtype, shape in outline.tensors.values() if dtype in _PRECISIONS]
    # one word of the text model's width, under whatever name: diffusers writes `<the word>`
    if len(shapes) == 1 and len(shapes[0]) in (1, 2) and shapes[0][-1] in _WIDTHS:
        return "embedding"
    return None


def _checkpoint(tensors: Tensors, names: _Names, precision: str | None) -> Judgement:
    family = _strange_family(names) or next((family for prefix, family in _TEXTS if names.begin((prefix,))), None)
    first = tensors.get(_FIRST)
    channels = first[1][1] if first and len(first[1]) == 4 else 4
    lacks = "text" if family is None else None if names.begin(("first_stage_model.",)) else "vae"
    return Judgement("checkpoint", family, precision, _VARIANTS.get(channels, "unknown"), lacks)


def _family(kind: Kind | None, outline: Outline, names: _Names) -> str | None:
    strange = _strange_family(names)
    if strange is not None:
        return strange
    if kind in ("lora", "controlnet", "diffusion-model", "adapter"):
        return _by_attention(outline.tensors, names) or _told(outline.metadata)
    if kind == "embedding":
        return _of_embedding(outline.tensors)
    if kind == "vae":
        return _of_vae(outline.tensors) or _told(outline.metadata)
    return _told(outline.metadata)


def _strange_family(names: _Names) -> str | None:
    return next((family for starts, family in _STRANGERS if names.begin(starts)), None)


def _by_attention(tensors: Tensors, names: _Names) -> str | None:
    """A layer that looks at the text takes vectors of the text model's width; else the text model's own layers say."""
    if names.begin(("lora_te2_", "text_encoder_2.")):
        return "sdxl"
    for name, (_, shape) in tensors.items():
        if "attn2" in name and ("to_k" in name or "to_v" in name) and len(shape) >= 2:
            whole = name.endswith("attn2.to_k.weight")
            if (whole or name.endswith(_TAKES)) and shape[1] in _WIDTHS:
                return _WIDTHS[shape[1]]
    for name, (_, shape) in tensors.items():
        if name.startswith(("lora_te_", "text_encoder.")) and "q_proj" in name and len(shape) == 2:
            found = _WIDTHS.get(shape[1]) if name.endswith(_TAKES) else None
            if found is not None:
                return found
    return None


def _of_embedding(tensors: Tensors) -> str | None:
    if "clip_g" in tensors:
        return "sdxl"
    widths = {shape[-1] for _, shape in tensors.values() if shape}
    return next((_WIDTHS[width] for width in sorted(widths) if width in _WIDTHS), None)


def _of_vae(tensors: Tensors) -> str | None:
    """Sixteen channels of latents are Flux's or Stable Diffusion 3's; those of 1.x and XL have one shape."""
    for name, (_, shape) in tensors.items():
        if name.endswith("decoder.conv_in.weight") and len(shape) == 4:
            return "flux" if shape[1] == 16 else None
    return None


def _told(metadata: Mapping[str, str]) -> str | None:
    """What its maker wrote: kohya's `ss_base_model_version`, the model specification's `architecture`."""
    written = " ".join(
        metadata.get(key, "") for key in ("modelspec.architecture", "ss_base_model_version", "baseModel")
    ).lower()
    words = (("refiner", "sdxl-refiner"), ("xl", "sdxl"), ("flux", "flux"), ("stable-diffusion-v3", "sd3"),
             ("sd3", "sd3"), ("stable-diffusion-v2", "sd2"), ("sd_v2", "sd2"), ("stable-diffusion-v1", "sd1"),
             ("sd_v1", "sd1"))  # fmt: skip
    return next((family for word, family in words if word in written), None)
