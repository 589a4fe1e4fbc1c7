"""The sentences that say why a way was chosen."""

from __future__ import annotations

from collections.abc import Iterable

from runtime.placement import Reason

_GIB = 1 << 30
_FLAGS = {"medvram": "--medvram", "lowvram": "--lowvram"}
#: by the reason's code
SENTENCES = {
    "fits": "All of it needs {need} and {free} can be had, so everything stays on the device.",
    "asked-for": "{mode} was asked for; that needs {need} and {free} can be had.",
    "too-little-for": "{mode} needs at least {need} and {free} can be had.",
    "nothing-fits": "Even the most sparing way is predicted to need {need} and {free} can be had; it is tried.",
    "by-turns": "Text models, U-Net and VAE take turns on the device.",
    "streamed": "Of the U-Net {resident} stay on the device; {streamed} come ahead of need at every step.",
    "texts-streamed": "Of the text models {resident} stay on the device; {streamed} come ahead of need at each prompt.",
    "apart": "Prompt and negative prompt are drawn one after the other.",
    "strips": "The VAE works in strips of {rows} pixels.",
    "plenty": "There is memory to spare.",
    "not-told": "How much memory the device has is not told, so everything stays on it.",
}


def said(reasons: Iterable[Reason]) -> str:
    return " ".join(SENTENCES[one.code].format_map(_shown(one)) for one in reasons)


def _shown(reason: Reason) -> dict[str, object]:
    shown: dict[str, object] = {}
    for name, value in reason.values.items():
        if name == "mode":
            shown[name] = _FLAGS.get(str(value), "Everything on the device")
        else:
            shown[name] = 8 * int(value) if name == "rows" else f"{int(value) / _GIB:.2f} GB"
    return shown
