"""Every setting with its section, label, type, choices, unit and effect: what GET /options lists and the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime import settings_drawing, settings_files
from runtime.setting import JOB_DEFAULTS, Section, Setting

__all__ = ["BY_NAME", "DEFAULTS", "SECTIONS", "SETTINGS", "Section", "Setting"]

SETTINGS: tuple[Setting, ...] = (
    *settings_files.SAVING,
    *settings_files.PATHS,
    *settings_drawing.UPSCALING,
    *settings_drawing.STABLE_DIFFUSION,
    *settings_drawing.IMG2IMG,
    *settings_drawing.OPTIMIZATIONS,
    *settings_drawing.NETWORKS,
    *settings_drawing.SAMPLERS,
    *settings_files.INFOTEXT,
    *settings_files.PAGE,
)
BY_NAME: Mapping[str, Setting] = {one.name: one for one in SETTINGS}
#: in the order in which the page shows them
SECTIONS: tuple[Section, ...] = tuple(dict.fromkeys(one.section for one in SETTINGS))
#: by name; None: the type is not fixed
DEFAULTS: Mapping[str, Any] = {**JOB_DEFAULTS, **{one.name: one.default for one in SETTINGS}}
