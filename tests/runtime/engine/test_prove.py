"""The proof's checks: real ones on the processor; cards are stand-ins at torch's edge, since none is at hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from runtime import prove, prove_checks, prove_devices, prove_server
from runtime.prove_checks import COMPUTATIONS, attend, attend_with_xformers, convolve, multiply
from runtime.prove_devices import Device, ProofError, check_code, check_expected, code_for, devices

CPU = Device("cpu", "the processor")
AMPERE = ["sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"]


class Card(Device):
    """Computes on the processor and passes for an NVIDIA card."""

    kind = "cuda"  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def few_modules(monkeypatch):
    """All of them are imported by the real proof in test_worker.py."""
    monkeypatch.setattr(prove, "MODULES", ("torch",))
    monkeypatch.setattr(prove, "SERVER", ("json",))


@pytest.fixture
def cards(monkeypatch):
    """Two stand-ins, the second too old for this torch."""
    found = [Card("cpu", "NVIDIA A", 0), Card("cpu", "NVIDIA B", 1), CPU]
    monkeypatch.setattr(prove_devices, "devices", lambda: iter(found))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80", "sm_86"])
    capabilities = {0: (8, 9), 1: (6, 1)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capabilities[index])
    monkeypatch.setattr(prove, "_draw", lambda device, no_half=False: "128 x 128")
    return capabilities


@pytest.mark.parametrize(
    ("capability", "compiled", "entry"),
    [
        ((8, 6), AMPERE, "sm_86"),
        ((8, 9), AMPERE, "sm_86"),  # Ada runs Ampere's
        ((6, 1), AMPERE, "sm_60"),
        ((5, 2), AMPERE, "sm_50"),
        ((3, 7), AMPERE, None),
        ((12, 0), AMPERE, None),
        ((12, 0), [*AMPERE, "compute_90"], "compute_90"),  # translated by the driver
        ((12, 1), ["sm_100", "sm_120", "compute_120"], "sm_120"),
        ((8, 6), ["sm_90", "compute_90"], None),  # nothing runs backwards
        ((9, 0), ["sm_90a"], "sm_90a"),
        ((9, 1), ["sm_90a"], None),  # the letter means this very one
        ((10, 3), ["sm_100", "sm_101"], "sm_101"),
        ((8, 6), ["gfx1100", "nonsense", ""], None),
    ],
)
def test_code_runs_by_nvidias_rule(capability, compiled, entry):
    assert code_for(capability, compiled) == entry


def test_a_card_without_code_is_named_with_what_there_is(cards):
    assert check_code(Card("cpu", "NVIDIA A", 0)) == "sm_86"
    with pytest.raises(ProofError, match=r"no code for NVIDIA B \(6\.1\); it has sm_75, sm_80, sm_86") as failed:
        check_code(Card("cpu", "NVIDIA B", 1))
    assert failed.value.code == "proof-kernels"


def test_amds_cards_are_judged_by_their_names(monkeypatch):
    monkeypatch.setattr(torch.version, "hip", "6.4")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["gfx1030", "gfx1100"])
    names = {0: "gfx1100:sramecc+:xnack-", 1: "gfx1036"}
    properties = {index: type("Properties", (), {"gcnArchName": name}) for index, name in names.items()}
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.get)
    assert check_code(Card("cpu", "A", 0)) == "gfx1100"
    with pytest.raises(ProofError, match="gfx1036"):
        check_code(Card("cpu", "B", 1))


def test_every_visible_card_is_found_and_the_processor(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"card {index}")
    found = list(devices())
    assert [(each.name, each.kind, each.title) for each in found[:2]] == [
        ("cuda:0", "cuda", "card 0"),
        ("cuda:1", "cuda", "card 1"),
    ]
    assert found[-1].name == "cpu"


def test_a_torch_for_a_card_must_see_one():
    with pytest.raises(ProofError, match="sees none: Torch not compiled with CUDA enabled") as failed:
        check_expected("cuda", [CPU])
    assert failed.value.code == "proof-no-device"
    check_expected("cpu", [CPU])
    check_expected(None, [CPU])
    found = prove.prove("cu130")
    assert (found["ok"], found["code"], found["checks"]) == (False, "proof-no-device", [])
    assert prove._kind("rocm6.4") == "cuda"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", [name for name, _ in COMPUTATIONS])
def test_what_is_computed_comes_out_right(name, dtype):
    error = dict(COMPUTATIONS)[name](CPU, dtype)
    assert 0 < error < prove_checks._TOLERANCES[dtype] / 2


def test_what_comes_out_wrong_fails(monkeypatch):
    # float64 is what it is compared with
    plain = torch.Tensor.matmul
    monkeypatch.setattr(
        torch.Tensor, "__matmul__", lambda a, b: plain(a, b) * (1.01 if a.dtype != torch.float64 else 1)
    )
    with pytest.raises(ProofError, match=r"product of matrices in float16 comes out wrong on the processor") as failed:
        multiply(CPU, torch.float16)
    assert failed.value.code == "proof-matmul"
    monkeypatch.setattr(functional, "scaled_dot_product_attention", lambda query, key, value: value)
    with pytest.raises(ProofError, match="Attention in float32 comes out wrong"):
        attend(CPU, torch.float32)
    convolution = functional.conv2d
    monkeypatch.setattr(
        functional, "conv2d", lambda x, w, **more: convolution(x, w, **more) + (x.dtype != torch.float64)
    )
    with pytest.raises(ProofError, match="convolution in bfloat16 comes out wrong"):
        convolve(CPU, torch.bfloat16)


def black(monkeypatch):
    """A card of the GTX 16 series: convolutions in half precision give NaN."""
    plain = functional.conv2d

    def conv2d(x, w, **more):
        made = plain(x, w, **more)
        return made * float("nan") if x.dtype == torch.float16 else made

    monkeypatch.setattr(functional, "conv2d", conv2d)


def test_half_precision_without_numbers_is_no_fault_of_the_build(cards, monkeypatch):
    black(monkeypatch)
    found = prove.prove("cu130")
    assert found["ok"]
    failed = [check for check in found["checks"] if not check["ok"] and check["device"] == "cpu"]
    half = next(check for check in failed if check["name"] == "convolution-float16")
    assert (half["needed"], half["advice"], half["code"]) == (False, "--no-half-vae", "proof-convolution-nan")


def test_no_numbers_in_float32_are_a_failure(cards, monkeypatch):
    plain = functional.conv2d
    monkeypatch.setattr(functional, "conv2d", lambda x, w, **more: plain(x, w, **more) * float("nan"))
    found = prove.prove("cu130")
    assert (found["ok"], found["code"]) == (False, "proof-convolution-nan")
    assert found["error"] == "A convolution in float32 on NVIDIA A gives no numbers."
    assert [check["name"] for check in found["checks"]][-1] == "convolution-float32"


def test_every_check_is_named_and_timed(cards):
    found = prove.prove("cu130")
    assert (found["ok"], found["error"], found["code"], found["picture"]) == (True, None, None, True)
    assert {"torch", "versions", "device", "seconds"} <= set(found)
    of_card = [check["name"] for check in found["checks"]]
    for name in ("code", "matmul-float16", "attention-bfloat16", "convolution-float32", "picture"):
        assert name in of_card
    assert all(check["seconds"] >= 0 for check in found["checks"])


def test_a_second_card_may_be_idle_and_the_first_may_not(cards):
    found = prove.prove("cu130")
    idle = [check for check in found["checks"] if not check["ok"]]
    assert [(check["name"], check["code"], check["needed"]) for check in idle] == [("code", "proof-kernels", False)]
    cards[0] = (6, 1)
    found = prove.prove("cu130")
    assert (found["ok"], found["code"]) == (False, "proof-kernels")
    assert "NVIDIA A (6.1)" in found["error"]


def test_bfloat16_is_tried_where_the_card_multiplies_it(cards):
    assert torch.bfloat16 in Card("cpu", "A", 0).dtypes
    cards[0] = (7, 5)
    assert Card("cpu", "A", 0).dtypes == (torch.float32, torch.float16)


def test_a_card_that_draws_only_in_float32_passes_with_advice(cards, monkeypatch):
    def draw(device, no_half=False):
        if not no_half:
            from runtime.engine.finite import refuse

            raise refuse()
        return "128 x 128"

    monkeypatch.setattr(prove, "_draw", draw)
    found = prove.prove("cu130")
    advice = {check["name"]: check["advice"] for check in found["checks"] if not check["ok"] and check["advice"]}
    assert (found["ok"], advice) == (True, {"picture": "--no-half"})


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (RuntimeError("CUDA error: no kernel image is available for execution on the device"), "proof-kernels"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 MiB"), "proof-memory"),
        (ImportError("DLL load failed while importing _C"), "proof-import"),
        (RuntimeError("CUDA error: unspecified launch failure"), "proof-failed"),
    ],
)
def test_the_first_failure_has_a_code_and_a_sentence(cards, monkeypatch, failure, code):
    def draw(device, no_half=False):
        raise failure

    monkeypatch.setattr(prove, "_draw", draw)
    found = prove.prove("cu130")
    assert (found["ok"], found["code"]) == (False, code)
    assert str(failure) in found["error"]
    assert "on NVIDIA A" in found["checks"][-1]["error"]


def with_xformers(monkeypatch, tmp_path, ops):
    (tmp_path / "xformers").mkdir()
    (tmp_path / "xformers" / "__init__.py").write_text("")
    (tmp_path / "xformers" / "ops.py").write_text(ops)
    monkeypatch.syspath_prepend(str(tmp_path))


FORMULA = """
from torch.nn.functional import scaled_dot_product_attention
def memory_efficient_attention(q, k, v):
    # (batch, tokens, heads, width), as xFormers has it
    return scaled_dot_product_attention(*(each.transpose(1, 2) for each in (q, k, v))).transpose(1, 2)
"""


def forget_xformers():
    import sys

    for name in ("xformers.ops", "xformers"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("ops", "fits"),
    [
        (FORMULA, True),
        ("def memory_efficient_attention(q, k, v): return v", False),
        ("raise OSError('made for torch 2.9')", False),
    ],
)
def test_xformers_is_run_where_it_is_installed_and_does_not_end_the_proof(cards, monkeypatch, tmp_path, ops, fits):
    assert attend_with_xformers(Card("cpu", "A", 0)) is None
    with_xformers(monkeypatch, tmp_path, ops)
    try:
        found = prove.prove("cu130")
    finally:
        forget_xformers()
    check = next(check for check in found["checks"] if check["name"] == "xformers")
    assert (found["ok"], check["ok"], check["needed"]) == (True, fits, fits)
    assert fits or check["code"] == "proof-xformers"


def test_a_picture_of_one_colour_is_none():
    import io

    from PIL import Image

    def png(*pixels):
        image = Image.new("RGB", (2, 1))
        image.putdata(pixels)
        file = io.BytesIO()
        image.save(file, "PNG")
        return file.getvalue()

    assert not prove._shows_something(png((0, 0, 0), (0, 0, 0)))
    assert not prove._shows_something(png((9, 20, 9), (9, 20, 9)))
    assert prove._shows_something(png((0, 0, 0), (0, 0, 1)))


def test_what_cannot_be_imported_is_torch_or_another_package(monkeypatch):
    monkeypatch.setattr(prove, "MODULES", ("torch", "no_such_package"))
    found = prove.prove("cpu")
    assert (found["code"], found["torch"]) == ("proof-import", torch.__version__)
    assert "no_such_package" in found["error"]
    monkeypatch.setattr(prove, "MODULES", ("no_such_torch",))
    monkeypatch.setattr(prove.importlib, "import_module", lambda _name: (_ for _ in ()).throw(OSError("WinError 126")))
    found = prove.prove("cpu")
    assert (found["code"], found["torch"]) == ("proof-torch", None)


def test_what_the_page_lacks_is_found_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(prove, "SERVER", ("no_such_page",))
    monkeypatch.setattr(prove, "_prove_devices", lambda *_words: None)
    found = prove.prove("cpu")
    assert (found["ok"], found["code"]) == (False, "proof-import")
    assert "no_such_page" in found["error"]


def test_a_proof_that_fails_leaves_no_process():
    with pytest.raises(RuntimeError), prove_server.Imported(("time; time.sleep(600)",)) as server:
        raise RuntimeError
    assert server._process.returncode not in (None, 0)
