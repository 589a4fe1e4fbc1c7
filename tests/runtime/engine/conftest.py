"""A tiny model, loaded once."""

from pathlib import Path

import pytest
import torch

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model

# the models are so small that threads would only wait for each other, the more the busier the machine
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model(checkpoint_file: Path) -> Model:
    placement = place(Settings(), Hardware())
    checkpoint = load_checkpoint(checkpoint_file, placement.precision)
    return Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits, "0123456789abcdef")
