"""What the peers need to read our files: diffusers' configuration of Stable Diffusion 1.5, made without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
from diffusers import StableDiffusionPipeline

from runtime.engine.configurations import family_constants
from runtime.engine.tokenizer import clip_tokenizer


def sd15_config(cache: Path) -> Path:
    """The folder that `from_single_file(path, config=…)` asks for, with CLIP's tokenizer; float32, nothing optional."""
    folder = cache / "sd15-config"
    if (folder / "model_index.json").exists():
        return folder
    constants = family_constants("sd1")
    _write(folder / "unet" / "config.json", {"_class_name": "UNet2DConditionModel", "cross_attention_dim": 768,
           "block_out_channels": [320, 640, 1280, 1280], "sample_size": 64, **constants["unet"]})  # fmt: skip
    _write(folder / "vae" / "config.json", {"_class_name": "AutoencoderKL", "sample_size": 512,
           "block_out_channels": [128, 256, 512, 512], **constants["vae"]})  # fmt: skip
    _write(folder / "text_encoder" / "config.json", {"architectures": ["CLIPTextModel"],
           "model_type": "clip_text_model",
           "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "vocab_size": 49408,
           **constants["texts"][0]})  # fmt: skip
    _write(folder / "scheduler" / "scheduler_config.json", {"_class_name": "EulerDiscreteScheduler",
           "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1})  # fmt: skip
    _tokenizer(folder / "tokenizer")
    parts = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "scheduler": "EulerDiscreteScheduler"}
    index: dict[str, Any] = {name: ["diffusers", kind] for name, kind in parts.items()}
    index |= {"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
              "feature_extractor": [None, None], "safety_checker": [None, None],
              "_class_name": "StableDiffusionPipeline", "_diffusers_version": diffusers.__version__}  # fmt: skip
    _write(folder / "model_index.json", index)
    return folder


def _tokenizer(folder: Path) -> None:
    """CLIP's vocabulary and merges in the files of transformers."""
    model = json.loads(clip_tokenizer().to_str())["model"]
    _write(folder / "vocab.json", model["vocab"])
    merges = [" ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    marks = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
             "unk_token": "<|endoftext|>"}  # fmt: skip
    _write(folder / "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, **marks})
    _write(folder / "special_tokens_map.json", marks)


def _write(path: Path, told: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told), encoding="utf-8")


def sd15_pipeline(path: Path, cache: Path) -> Any:
    """diffusers' pipeline of this file as its documentation has it: float32 on the CPU."""
    config = str(sd15_config(cache))
    pipeline = StableDiffusionPipeline.from_single_file(str(path), config=config, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
