"""The models themselves in plain torch, their parameters named as diffusers and transformers name theirs."""

from runtime.engine.architecture.attention import Attention, AttentionFunction, Context, Projected
from runtime.engine.architecture.autoencoder import Autoencoder
from runtime.engine.architecture.configs import AutoencoderConfig, TextConfig, UNetConfig
from runtime.engine.architecture.text_model import TextModel, TextStates
from runtime.engine.architecture.unet import UNet

__all__ = [
    "Attention",
    "AttentionFunction",
    "Autoencoder",
    "AutoencoderConfig",
    "Context",
    "Projected",
    "TextConfig",
    "TextModel",
    "TextStates",
    "UNet",
    "UNetConfig",
]
