"""Random weights of the ESRGAN family under the names of published files, and each network again, written flatly."""

import torch
from torch.nn import functional


def esrgan_weights(width=8, growth=4, blocks=2, doublings=2, folded=3, channels=3, seed=1):
    """Real-ESRGAN's names (BasicSR)."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"conv_first": (width, folded), "conv_body": (width, width), "conv_hr": (width, width)}
    shapes["conv_last"] = (channels, width)
    shapes |= {f"conv_up{k + 1}": (width, width) for k in range(doublings)}
    for block in range(blocks):
        for dense in (1, 2, 3):
            for k in range(5):
                name = f"body.{block}.rdb{dense}.conv{k + 1}"
                shapes[name] = (growth if k < 4 else width, width + k * growth)
    weights = {}
    for name, (out, inner) in shapes.items():
        bound = (9 * inner) ** -0.5
        weights[f"{name}.weight"] = (torch.rand(out, inner, 3, 3, generator=generator) * 2 - 1) * bound * 1.7
        weights[f"{name}.bias"] = (torch.rand(out, generator=generator) - 0.3) * 0.3
    return weights


def old_names(weights, doublings=2):
    """The names of ESRGAN's first files (`model.N`)."""
    blocks = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("body."))
    fixed = {"conv_first": "model.0", "conv_body": f"model.1.sub.{blocks}"}
    fixed |= {f"conv_up{k + 1}": f"model.{3 * k + 3}" for k in range(doublings)}
    fixed |= {"conv_hr": f"model.{3 * doublings + 2}", "conv_last": f"model.{3 * doublings + 4}"}
    renamed = {}
    for name, tensor in weights.items():
        stem, kind = name.rsplit(".", 1)
        if stem.startswith("body."):
            _body, block, dense, conv = stem.split(".")
            stem = f"model.1.sub.{block}.{dense.upper()}.{conv}.0"
        renamed[f"{fixed.get(stem, stem)}.{kind}"] = tensor
    return renamed


def new_names(weights):
    """The names of ESRGAN's second files and of BSRGAN's."""
    words = {"conv_first": "conv_first", "conv_body": "trunk_conv", "conv_hr": "HRconv", "conv_last": "conv_last"}
    renamed = {}
    for name, tensor in weights.items():
        stem, kind = name.rsplit(".", 1)
        stem = words.get(stem, stem.replace("conv_up", "upconv").replace("body.", "RRDB_trunk.").replace("rdb", "RDB"))
        renamed[f"{stem}.{kind}"] = tensor
    return renamed


def esrgan(weights, x, doublings=2, shuffle=1):
    """The same network without a class: one line for each arrow of the paper's figure."""

    def conv(name, x):
        return functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def lrelu(x):
        return torch.where(x > 0, x, 0.2 * x)

    if shuffle > 1:
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // shuffle, shuffle, w // shuffle, shuffle).permute(0, 1, 3, 5, 2, 4)
        x = x.reshape(n, c * shuffle**2, h // shuffle, w // shuffle)
    shallow = conv("conv_first", x)
    trunk = shallow
    blocks = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("body."))
    for block in range(blocks):
        inner = trunk
        for dense in (1, 2, 3):
            name = f"body.{block}.rdb{dense}.conv"
            x1 = lrelu(conv(f"{name}1", inner))
            x2 = lrelu(conv(f"{name}2", torch.cat([inner, x1], 1)))
            x3 = lrelu(conv(f"{name}3", torch.cat([inner, x1, x2], 1)))
            x4 = lrelu(conv(f"{name}4", torch.cat([inner, x1, x2, x3], 1)))
            x5 = conv(f"{name}5", torch.cat([inner, x1, x2, x3, x4], 1))
            inner = inner + 0.2 * x5
        trunk = trunk + 0.2 * inner
    x = shallow + conv("conv_body", trunk)
    for k in range(doublings):
        x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = lrelu(conv(f"conv_up{k + 1}", x))
    return conv("conv_last", lrelu(conv("conv_hr", x)))


def compact_weights(width=8, layers=3, scale=4, channels=3, seed=1):
    """realesr-general's names: `layers` convolutions between the first and the last."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for k in range(layers + 2):
        inner = channels if k == 0 else width
        out = channels * scale**2 if k == layers + 1 else width
        weights[f"body.{2 * k}.weight"] = (torch.rand(out, inner, 3, 3, generator=generator) - 0.5) / (3 * inner**0.5)
        weights[f"body.{2 * k}.bias"] = (torch.rand(out, generator=generator) - 0.5) * 0.1
        if k <= layers:
            weights[f"body.{2 * k + 1}.weight"] = torch.rand(width, generator=generator) * 0.3
    return weights


def compact(weights, x, scale=4):
    """The same network by hand."""
    convs = sum(name.endswith(".bias") for name in weights)
    inner = x
    for k in range(convs):
        inner = functional.conv2d(inner, weights[f"body.{2 * k}.weight"], weights[f"body.{2 * k}.bias"], padding=1)
        if k < convs - 1:
            inner = torch.where(inner > 0, inner, inner * weights[f"body.{2 * k + 1}.weight"][:, None, None])
    n, c, h, w = inner.shape
    inner = inner.reshape(n, c // scale**2, scale, scale, h, w).permute(0, 1, 4, 2, 5, 3)
    inner = inner.reshape(n, c // scale**2, h * scale, w * scale)
    return inner + x.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


def nearest_weights(width=8, channels=3, scale=4):
    """A compact network that only repeats pixels: whatever a test wants to see is known beforehand."""
    return {name: torch.zeros_like(one) for name, one in compact_weights(width, 1, scale, channels).items()}
