"""Prove an engine environment: import what drawing needs, multiply, draw two steps with the demo model if it is there.

    python -m runtime.prove

Prints one line of JSON, `{"ok", "torch", "device", "seconds", "error", …}`; exit code 0 or 1.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from runtime.request import Request
from runtime.worker import set_environment

DEMO = Path(__file__).resolve().parent / "assets" / "demo" / "gesso-demo.safetensors"
MODULES = ("torch", "diffusers", "transformers", "safetensors", "tokenizers", "PIL", "gradio")


def prove() -> dict[str, Any]:
    """What was found; any exception is the proof's failure and becomes its `error`."""
    began = time.monotonic()
    found: dict[str, Any] = {"ok": False, "torch": None, "device": None, "picture": False, "error": None}
    try:
        versions = {name: getattr(importlib.import_module(name), "__version__", None) for name in MODULES}
        found |= {"torch": versions["torch"], "versions": versions}
        found["device"] = _multiply()
        if DEMO.exists():
            found["picture"] = _draw()
        found["ok"] = True
    except Exception as failure:  # noqa: BLE001 - whatever is broken is the answer
        found["error"] = f"{type(failure).__name__}: {failure}"
    return found | {"seconds": round(time.monotonic() - began, 2)}


def _multiply() -> str:
    """Name of the device on which a product of two matrices came out right."""
    import torch

    from runtime.engine.memory import Settings, look, place

    device = place(Settings(), look()).device
    product = torch.ones(64, 64, device=device) @ torch.ones(64, 64, device=device)
    if float(product.sum()) != 64.0**3:
        raise ArithmeticError(f"a product of matrices came out wrong on {device}")
    return device


def _draw() -> bool:
    from runtime.engine.checkpoint import load_checkpoint
    from runtime.engine.easel import Easel
    from runtime.engine.generate import generate
    from runtime.engine.memory import Settings, Store, look, place
    from runtime.engine.model import Model
    from runtime.engine.saving import Outputs

    placement = place(Settings(), look())
    checkpoint = load_checkpoint(DEMO, placement.precision)
    model = Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits)
    request = Request(prompt="a red circle on a white background", steps=2, seed=1, save=False, save_grid=False)
    result = generate(request, Easel(model, Outputs(Path(), history=False)), lambda _step: None, lambda: None)
    return len(result.pictures) == 1


def main() -> int:
    set_environment()
    # libraries greet on standard output; the proof is the only line there
    with contextlib.redirect_stdout(sys.stderr):
        found = prove()
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
