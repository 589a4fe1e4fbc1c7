"""What the tabs share while the page is built, and what each gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr

from runtime.studio import Studio
from runtime.ui.current import Current
from runtime.ui.fields import Fields
from runtime.ui.output import Output
from runtime.ui.ui_config import UiConfig


@dataclass(frozen=True)
class Frame:
    """`pictures` holds copies for the browser; `local`: its reader sits here, at a computer that can show a folder."""

    studio: Studio
    pictures: Path
    defaults: UiConfig
    local: bool
    current: Current = field(default_factory=Current)


@dataclass(frozen=True)
class Tab:
    """A drawing tab's parts that other parts of the page fill or read."""

    fields: Fields
    generate: gr.Button
    paste: gr.Button
    #: the keys that take the last picture's seed and variation seed
    reuse: tuple[gr.Button, gr.Button]
    output: Output
