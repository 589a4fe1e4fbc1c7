"""What earlier versions wrote otherwise, in the shape of today."""

from __future__ import annotations

import math

from runtime.catalogue import find_sampler

#: of a side in pixels; more are no size
_MOST_DIGITS = 6


def renewed(found: dict[str, str]) -> dict[str, str]:
    """Items with sampler and schedule apart, the hypernetwork as a tag, the first pass as the size."""
    return _first_pass(_hypernetwork(_schedule(found)))


def _schedule(found: dict[str, str]) -> dict[str, str]:
    """`DPM++ 2M Karras` is a sampler and its schedule; the sampler's own schedule reads as Automatic."""
    known = find_sampler(found.get("Sampler", ""))
    if known is None:
        return found
    sampler, suffix = known
    label = found.get("Schedule type") or suffix
    if label is None:
        return found
    own = label == sampler.default_scheduler and label != "Uniform"
    return found | {"Sampler": sampler.name, "Schedule type": "Automatic" if own else label}


def _hypernetwork(found: dict[str, str]) -> dict[str, str]:
    name = found.get("Hypernet")
    if not name:
        return found
    tag = f"<hypernet:{name}:{found.get('Hypernet strength', '1.0')}>"
    return found | {"Prompt": f"{found['Prompt']}{tag}"}


def _first_pass(found: dict[str, str]) -> dict[str, str]:
    """2022: `First pass size` with `Size` the final one; 0x0 means about 512² in multiples of 64."""
    names = ("First pass size-1", "First pass size-2", "Size-1", "Size-2")
    try:
        small_w, small_h, width, height = (int(found[name]) for name in names)
    except (KeyError, ValueError):
        return found
    if any(len(found[name]) > _MOST_DIGITS for name in names):
        return found
    if not (small_w and small_h) and width * height > 0:
        scale = math.sqrt(512 * 512 / (width * height))
        small_w, small_h = (max(math.ceil(scale * side / 64) * 64, 64) for side in (width, height))
    sizes = {"Size-1": small_w, "Size-2": small_h, "Hires resize-1": width, "Hires resize-2": height}
    return found | {name: str(value) for name, value in sizes.items()}
