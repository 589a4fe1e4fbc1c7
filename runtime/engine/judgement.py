"""Judge a checkpoint by its tensors' names and shapes alone, without torch: the server may ask too."""

from __future__ import annotations

from pathlib import Path

from runtime.engine.configurations import Configurations, configure
from runtime.engine.layout import read_layout
from runtime.engine.pieces import Layout
from runtime.engine.told import told_prediction
from runtime.request import RequestError


def judge(path: Path) -> tuple[Layout, Configurations]:
    """RequestError with a `checkpoint-…` code says why the file or folder cannot be loaded."""
    layout = read_layout(path)
    configurations = configure(layout)
    told_prediction(layout)
    return layout, configurations


def judge_header(path: Path) -> RequestError | None:
    """Why a checkpoint cannot be loaded, as far as its header tells; None if it tells nothing."""
    try:
        judge(path)
    except RequestError as refused:
        return refused
    return None
