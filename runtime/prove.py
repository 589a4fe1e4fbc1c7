"""Prove an engine environment: import what drawing needs; compute and draw on every device that torch sees.

    python -m runtime.prove [--tag TAG]

Prints one line of JSON, `{"ok", "torch", "device", "seconds", "error", "code", "checks", …}`; exit code 0 or 1. `TAG`
is that of the torch build that was chosen ("cu130", "cpu"): one for a card must see a card. A check whose `needed` is
false may fail: its `advice` says which flag goes round it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import importlib.util
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.prove_server import Imported
from runtime.worker import set_environment

if TYPE_CHECKING:
    from runtime.prove_devices import Device

DEMO = Path(__file__).resolve().parent / "assets" / "demo" / "gesso-demo.safetensors"
MODULES = ("torch", "safetensors", "tokenizers", "PIL")
#: what of the worker a picture without scripts and networks does not import
WORKER = ("runtime.engine.attention_trial", "runtime.engine.scripts.running", "runtime.engine.tools")
#: what the server imports, in a process of its own; uvicorn chooses the first and anyio the next when they begin
SERVER = (
    *(f"uvicorn.{name}" for name in ("lifespan.on", "loops.auto", "protocols.http.auto", "protocols.websockets.auto")),
    *("anyio._backends._asyncio", "pydantic.v1", "runtime.__main__", "runtime.gate.gate", "runtime.server"),
    *("runtime.studio", "runtime.visitors", "runtime.ui.page"),
)
#: what CUDA says of a card that a build has no code for, and torch of a card without memory
_NO_KERNEL, _NO_MEMORY = ("no kernel image", "not compatible with the current pytorch"), ("out of memory",)


@dataclass(frozen=True)
class Check:
    """One thing that was tried on one device."""

    name: str
    device: str
    ok: bool
    seconds: float
    #: it may not fail
    needed: bool = True
    #: "sm_86", or the relative error
    detail: str | float | None = None
    code: str | None = None
    error: str | None = None
    #: the flag that goes round it
    advice: str | None = None


def prove(tag: str | None = None) -> dict[str, Any]:
    """What was found; the first needed check that fails is the proof's failure, and ends it."""
    began = time.monotonic()
    found: dict[str, Any] = {"ok": False, "torch": None, "device": None, "picture": False, "error": None, "code": None}
    checks: list[Check] = []
    try:
        versions: dict[str, str | None] = {}
        found["versions"] = versions
        with Imported(SERVER) as server:
            for name in MODULES:
                versions[name] = getattr(importlib.import_module(name), "__version__", None)
                found["torch"] = versions["torch"]
            for name in WORKER:
                importlib.import_module(name)
            _prove_devices(found, checks, tag)
            server.check()
        versions["gradio"] = _version("gradio")
        found["ok"] = True
    except Exception as failure:  # noqa: BLE001 - whatever is broken is the answer
        # of what cannot be imported, torch is the launcher's to replace
        code = _code(failure) if found["torch"] else "proof-torch"
        found |= {"error": _sentence(failure), "code": code}
    found["checks"] = [asdict(check) for check in checks]
    return found | {"seconds": round(time.monotonic() - began, 2)}


def _version(package: str) -> str | None:
    """Of a package that is not imported here."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def _prove_devices(found: dict[str, Any], checks: list[Check], tag: str | None) -> None:
    from runtime.prove_devices import check_expected, devices

    there = list(devices())
    check_expected(_kind(tag), there)
    # the engine draws on the first card unless it is told otherwise; of the others one may be idle
    able = [device for number, device in enumerate(there) if _has_code(device, checks, first=number == 0)]
    for device in able:
        _compute(device, checks)
    # the processor draws only where nothing else does: it is the slowest, and computes right by now
    drawing = [device for device in able if device.kind != "cpu"] or able
    found["device"] = drawing[0].name
    if DEMO.exists():
        for device in drawing:
            _draw_somehow(device, checks)
        found["picture"] = True


def _kind(tag: str | None) -> str | None:
    """torch's word for the device of a build; ROCm's cards answer to CUDA's."""
    if tag is None or tag in ("cpu", "mps", "xpu"):
        return tag
    return "cuda" if tag.startswith(("cu", "rocm")) else None


def _has_code(device: Device, checks: list[Check], *, first: bool) -> bool:
    from runtime.prove_devices import check_code

    if device.kind != "cuda":
        return True
    return _passes(checks, "code", device, lambda: check_code(device), lenient=lambda _code: not first)


def _compute(device: Device, checks: list[Check]) -> None:
    from runtime.prove_checks import COMPUTATIONS, attend_with_xformers

    for dtype in device.dtypes:
        for name, compute in COMPUTATIONS:
            kind = str(dtype).removeprefix("torch.")
            # half precision gives NaN in the VAE of some cards, whatever the build
            black = name == "convolution" and kind == "float16"
            _passes(
                checks,
                f"{name}-{kind}",
                device,
                partial(compute, device, dtype),
                lenient=_is_nan if black else None,
                advice="--no-half-vae" if black else None,
            )
    if importlib.util.find_spec("xformers"):
        # torch's own attention takes its place
        _passes(checks, "xformers", device, partial(attend_with_xformers, device), lenient=lambda _code: True)


def _is_nan(code: str) -> bool:
    return code.endswith("-nan") or code == "nan-unet"


def _draw_somehow(device: Device, checks: list[Check]) -> None:
    """In half precision, and where that gives no numbers in float32."""
    half = partial(_draw, device)
    if not _passes(checks, "picture", device, half, lenient=_is_nan, advice="--no-half"):
        _passes(checks, "picture-no-half", device, partial(_draw, device, no_half=True))


def _passes(
    checks: list[Check],
    name: str,
    device: Device,
    check: Callable[[], str | float | None],
    *,
    lenient: Callable[[str], bool] | None = None,
    advice: str | None = None,
) -> bool:
    """Does it and notes it. What fails is raised, unless `lenient` says of its code that it may."""
    began = time.monotonic()
    try:
        detail, failure = check(), None
    except Exception as failed:  # noqa: BLE001 - whatever it is, it is this check's
        detail, failure = None, failed
    seconds = round(time.monotonic() - began, 3)
    if failure is None:
        checks.append(Check(name, device.name, True, seconds, detail=detail))
        return True
    code = _code(failure)
    needed = lenient is None or not lenient(code)
    sentence = _sentence(failure, device)
    checks.append(Check(name, device.name, False, seconds, needed, None, code, sentence, None if needed else advice))
    if needed:
        raise failure
    return False


def _draw(device: Device, *, no_half: bool = False) -> str:
    """Two steps of the demo model, as the engine draws on this device; its size."""
    from runtime.engine.checkpoint import load_checkpoint
    from runtime.engine.easel import Easel
    from runtime.engine.generate import generate
    from runtime.engine.memory import Settings, Store, look, place
    from runtime.engine.model import Model
    from runtime.engine.saving import Outputs
    from runtime.prove_devices import ProofError
    from runtime.request import Request

    number = None if device.index is None else str(device.index)
    placement = place(Settings(device_id=number, no_half=no_half, use_ipex=device.kind == "xpu"), look())
    checkpoint = load_checkpoint(DEMO, placement.precision)
    model = Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits)
    request = Request(prompt="a red circle on a white background", steps=2, seed=1, save=False, save_grid=False)
    result = generate(request, Easel(model, Outputs(Path(), history=False)), lambda _step: None, lambda: None)
    if len(result.pictures) != 1 or not _shows_something(result.pictures[0].data):
        raise ProofError("proof-picture", f"The picture drawn on {device.title} is of one colour.")
    return f"{result.width} x {result.height}"


def _shows_something(data: bytes) -> bool:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        bands = picture.convert("RGB").split()
    return any(band.getextrema()[0] != band.getextrema()[1] for band in bands)


def _code(failure: BaseException) -> str:
    """Stable names: a check's own, the engine's, or what kind of failure it is."""
    words = str(failure).lower()
    if any(each in words for each in _NO_KERNEL):
        return "proof-kernels"
    if any(each in words for each in _NO_MEMORY):
        return "proof-memory"
    given = getattr(failure, "code", None)
    if isinstance(given, str):
        return given
    return "proof-import" if isinstance(failure, ImportError) else "proof-failed"


def _sentence(failure: BaseException, device: Device | None = None) -> str:
    from_check = getattr(failure, "code", None)
    text = str(failure).splitlines()[0] if str(failure) else ""
    if isinstance(from_check, str):
        return text
    where = f" on {device.title}" if device is not None else ""
    return f"{type(failure).__name__}{where}: {text}"


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m runtime.prove")
    parser.add_argument("--tag", help="of the torch build that was chosen")
    tag = parser.parse_args(words).tag
    set_environment()
    # libraries greet on standard output; the proof is the only line there
    with contextlib.redirect_stdout(sys.stderr):
        found = prove(tag)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
