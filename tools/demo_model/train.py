"""Train the demo model from nothing: autoencoder, text encoder, U-Net; export one Stable Diffusion 1.x file.

    python -m tools.demo_model.train FOLDER [--stage NAME] [--minutes N]

Needs the engine's packages. Every stage keeps a checkpoint in FOLDER and is continued by the next call. The
order keeps a CPU busy with little: the autoencoder learns from small crops, the text encoder learns to name what a
caption says, the pictures are then encoded once, and the U-Net learns from their latents, half size first.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from runtime.engine.tokenizer import END, START, token_ids
from tools.demo_model.drawings import COLOURS, SHAPES, SIZES, Scene, caption, draw, random_scene

WIDTH = 64  # of every U-Net and autoencoder level: two channels per group at 32 groups
TEXT_WIDTH = 32
NATIVE = 128  # pixels
SCALING_FACTOR = 0.18215  # what every SD 1.x reader multiplies a latent by
CONTEXT = 77
#: per channel and picture: without it the mean colour of the noise shows through, and CFG drives it further
OFFSET_NOISE = 0.12
STEPS = {"autoencoder": 1600, "text": 1500, "unet_half": 1100, "unet": 2150}
PICTURES = {NATIVE // 2: 3000, NATIVE: 3000}

vae_config = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "block_out_channels": (WIDTH,) * 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
unet_config = {
    "sample_size": NATIVE // 8,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (WIDTH,) * 4,
    "layers_per_block": 2,
    "cross_attention_dim": TEXT_WIDTH,
    "attention_head_dim": 8,
    "norm_num_groups": 32,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
}
text_config = CLIPTextConfig(
    vocab_size=END + 1,
    hidden_size=TEXT_WIDTH,
    intermediate_size=4 * TEXT_WIDTH,
    num_hidden_layers=12,
    num_attention_heads=1,  # CLIP's rule: one head per 64 channels
    max_position_embeddings=CONTEXT,
    hidden_act="quick_gelu",
    bos_token_id=START,
    eos_token_id=END,
    pad_token_id=END,
)


class Stage:
    """One model in training: optimiser, averaged weights and step count, kept together on disk."""

    def __init__(self, name: str, folder: Path, model: nn.Module, rate: float, decay: float = 0.998) -> None:
        self.name, self.path, self.model, self.rate = name, folder / f"{name}.pt", model, rate
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.average = {key: value.clone() for key, value in model.state_dict().items()}
        self.decay, self.step, self.loss = decay, 0, 0.0
        if self.path.exists():
            kept = torch.load(self.path, weights_only=True)
            self.model.load_state_dict(kept["model"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.average, self.step = kept["average"], kept["step"]

    def save(self) -> None:
        kept = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "step": self.step,
        }
        beside = self.path.with_suffix(".part")
        torch.save(kept, beside)
        beside.replace(self.path)

    def run(self, steps: int, loss_of: Callable[[int], Tensor]) -> None:
        """Warm up over 100 steps, then let the rate fall along a cosine to a fiftieth."""
        started = time.time()
        for step in range(self.step, steps):
            fall = 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate * min(1.0, (step + 1) / 100) * fall
            loss = loss_of(step)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimiser.step()
            self._follow(min(self.decay, (step + 1) / (step + 10)))
            self.step, self.loss = step + 1, 0.98 * self.loss + 0.02 * loss.item() if step else loss.item()
            if self.step % 50 == 0:
                print(f"{self.name} {self.step}/{steps} loss {self.loss:.4f} {time.time() - started:.0f} s", flush=True)
            if self.step % 200 == 0:
                self.save()
        self.save()

    def _follow(self, decay: float) -> None:
        with torch.no_grad():
            for key, value in self.model.state_dict().items():
                if value.is_floating_point():
                    self.average[key].lerp_(value, 1 - decay)

    def averaged(self) -> nn.Module:
        self.model.load_state_dict(self.average)
        return self.model.eval().requires_grad_(False)


def as_tensor(scene: Scene, side: int, rng: random.Random) -> Tensor:
    """A drawing as (3, side, side) in -1 … 1."""
    pixels = np.asarray(draw(scene, side, rng), dtype=np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)


def train_autoencoder(folder: Path) -> AutoencoderKL:
    """Small crops first (cheap, edges are common), whole pictures at the end (the norms see flat grounds)."""
    model = AutoencoderKL(**vae_config).to(memory_format=torch.channels_last)
    stage = Stage("autoencoder", folder, model, rate=6e-4, decay=0.99)
    steps = STEPS["autoencoder"]
    rng = random.Random(stage.step)
    pool = [as_tensor(random_scene(rng), NATIVE, rng) for _ in range(600)]

    def loss_of(step: int) -> Tensor:
        crop, batch = (32, 16) if step < steps * 0.75 else (64, 5) if step < steps * 0.92 else (NATIVE, 2)
        pixels = torch.stack([_crop(rng.choice(pool), crop, rng) for _ in range(batch)])
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        posterior = model.encode(pixels).latent_dist
        seen = model.decode(posterior.sample()).sample
        error = (seen - pixels).abs().mean() + ((seen - pixels) ** 2).mean()
        divergence: Tensor = posterior.kl().mean() / posterior.mean[0].numel()
        loss: Tensor = error + 1e-3 * divergence
        return loss

    stage.run(steps, loss_of)
    trained = stage.averaged()
    assert isinstance(trained, AutoencoderKL)
    return trained


def _crop(picture: Tensor, side: int, rng: random.Random) -> Tensor:
    """Half of the crops are asked to hold an edge, since most of a drawing is flat."""
    for _ in range(4):
        y, x = (rng.randint(0, NATIVE - side) for _ in range(2))
        crop = picture[:, y : y + side, x : x + side]
        if rng.random() < 0.5 or float(crop.std(dim=(1, 2)).max()) > 0.1:
            break
    return crop


def prompt_ids(text: str) -> Tensor:
    """(77,) ids: start, text, padded with the end mark."""
    ids = [START, *token_ids(text)[: CONTEXT - 2]]
    return torch.tensor(ids + [END] * (CONTEXT - len(ids)))


def train_text(folder: Path) -> CLIPTextModel:
    """Learn to say, at each padding position, what the caption asked for; a blank caption asks for nothing."""
    model = CLIPTextModel(text_config)
    questions = (SHAPES, tuple(COLOURS), tuple(COLOURS), tuple(SIZES))
    heads = nn.ModuleList(nn.Linear(TEXT_WIDTH, len(answers) + 1) for answers in questions)
    both = nn.ModuleDict({"encoder": model, "heads": heads})
    stage = Stage("text", folder, both, rate=2e-3, decay=0.99)
    rng = random.Random(stage.step)

    def loss_of(_step: int) -> Tensor:
        texts, wanted = [], []
        for _ in range(48):
            scene = random_scene(rng)
            blank = rng.random() < 0.05
            texts.append("" if blank else caption(scene, rng))
            asked = (scene.shape, scene.colour, scene.ground, scene.size)
            pairs = zip(questions, asked, strict=True)
            wanted.append([len(q) if blank else q.index(a) for q, a in pairs])
        ids = torch.stack([prompt_ids(text) for text in texts])
        hidden = model(ids).last_hidden_state
        pads = (ids == END).float()
        total = torch.zeros(())
        for k, head in enumerate(heads):
            answer = torch.tensor([row[k] for row in wanted])
            each = F.cross_entropy(head(hidden).transpose(1, 2), answer[:, None].expand(-1, CONTEXT), reduction="none")
            total = total + (each * pads).sum() / pads.sum()
        return total

    stage.run(STEPS["text"], loss_of)
    stage.averaged()
    return model


@torch.no_grad()
def encode_pictures(folder: Path, vae: AutoencoderKL, side: int) -> tuple[Tensor, Tensor, list[Scene]]:
    """Mean and deviation (n, 4, side/8, side/8) of each picture's latent, and its scene; made once."""
    path = folder / f"latents_{side}.pt"
    rng = random.Random(side)
    scenes = [random_scene(rng) for _ in range(PICTURES[side])]
    if not path.exists():
        means, deviations = [], []
        for start in range(0, len(scenes), 8):
            pixels = torch.stack([as_tensor(scene, side, rng) for scene in scenes[start : start + 8]])
            posterior = vae.encode(pixels.contiguous(memory_format=torch.channels_last)).latent_dist
            means.append(posterior.mean)
            deviations.append(posterior.std)
            if start % 400 == 0:
                print(f"encode {side} {start}/{len(scenes)}", flush=True)
        torch.save((torch.cat(means), torch.cat(deviations)), path)
    means_all, deviations_all = torch.load(path, weights_only=True)
    return means_all, deviations_all, scenes


def latent_frame(folder: Path, means: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Offset and scale per channel that give latents mean 0 and deviation 1; fixed by the first set that is seen."""
    path = folder / "latent_frame.json"
    if not path.exists():
        assert means is not None
        offset, scale = means.mean((0, 2, 3)), means.std((0, 2, 3))
        path.write_text(json.dumps({"offset": offset.tolist(), "scale": scale.tolist()}))
    kept = json.loads(path.read_text())
    return torch.tensor(kept["offset"]).view(1, 4, 1, 1), torch.tensor(kept["scale"]).view(1, 4, 1, 1)


class Captions:
    """Hidden states of captions, computed once per text by the frozen text encoder."""

    def __init__(self, encoder: CLIPTextModel) -> None:
        self.encoder = encoder
        self.known: dict[str, Tensor] = {}

    @torch.no_grad()
    def __call__(self, texts: list[str]) -> Tensor:
        fresh = [text for text in dict.fromkeys(texts) if text not in self.known]
        if fresh:
            hidden = self.encoder(torch.stack([prompt_ids(text) for text in fresh])).last_hidden_state
            self.known.update(zip(fresh, hidden, strict=True))
        return torch.stack([self.known[text] for text in texts])


def alphas_cumprod() -> Tensor:
    """SD 1.x's schedule: betas are the squares of 1000 even steps from sqrt(0.00085) to sqrt(0.012)."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0).float()


def train_unet(folder: Path, vae: AutoencoderKL, text: CLIPTextModel) -> UNet2DConditionModel:
    """Noise prediction with min-SNR-5 weights (Hang et al. 2023); a tenth of the captions is blank for CFG.

    The noise has an offset (Guttenberg 2023), so that flat colours come from the prompt and not from the seed.
    """
    model = UNet2DConditionModel(**unet_config).to(memory_format=torch.channels_last)
    captions = Captions(text)
    abar = alphas_cumprod()
    snr = abar / (1 - abar)
    weights = torch.clamp(snr, max=5.0) / snr
    plan = (("unet_half", NATIVE // 2, 32, 1.2e-3), ("unet", NATIVE, 16, 8e-4))
    for name, side, batch, rate in plan:
        means, deviations, scenes = encode_pictures(folder, vae, side)
        offset, scale = latent_frame(folder, means)
        stage = Stage(name, folder, model, rate=rate)
        rng = random.Random(stage.step)
        order = _shuffled(len(scenes), rng)

        def loss_of(
            _step: int,
            batch: int = batch,
            order: Iterator[int] = order,
            rng: random.Random = rng,
            data: tuple[Tensor, Tensor, list[Scene]] = (means, deviations, scenes),
            frame: tuple[Tensor, Tensor] = (offset, scale),
        ) -> Tensor:
            picked = list(itertools.islice(order, batch))
            latents = data[0][picked] + data[1][picked] * torch.randn_like(data[0][picked])
            latents = (latents - frame[0]) / frame[1]
            times = (torch.rand(batch) * 1000).long()
            noise = torch.randn_like(latents) + OFFSET_NOISE * torch.randn(batch, 4, 1, 1)
            a = abar[times].view(-1, 1, 1, 1)
            noisy = (a.sqrt() * latents + (1 - a).sqrt() * noise).contiguous(memory_format=torch.channels_last)
            texts = ["" if rng.random() < 0.1 else caption(data[2][k], rng) for k in picked]
            seen = model(noisy, times, captions(texts)).sample
            loss: Tensor = (((seen - noise) ** 2).mean((1, 2, 3)) * weights[times]).mean()
            return loss

        stage.run(STEPS[name], loss_of)
        stage.averaged()
        model.requires_grad_(True).train()
    return model.eval()


def _shuffled(count: int, rng: random.Random) -> Iterator[int]:
    while True:
        yield from rng.sample(range(count), count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(int(time.time()))
    text = train_text(arguments.folder)
    vae = train_autoencoder(arguments.folder)
    train_unet(arguments.folder, vae, text)


if __name__ == "__main__":
    main()
