"""Noise against torch's own streams, published random numbers, and plain loops for its geometry."""

import math

import numpy as np
import pytest
import torch
import torchsde

from runtime.engine import noise as module
from runtime.engine.noise import Noise, pasted, slerp
from runtime.engine.philox import PhiloxGenerator, philox
from runtime.request import RequestError

SHAPE = (4, 6, 5)
CPU = torch.device("cpu")


def noise_of(seeds, **more):
    return Noise(seeds, **{"shape": SHAPE, "device": CPU, **more})


def randn(seed, calls=1, shape=SHAPE):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for _ in range(calls)]


def test_philox_gives_the_known_answers():
    """Random123's published vectors for philox4x32-10."""
    known = [
        ([0] * 4, (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ]
    for counter, key, words in known:
        drawn = philox([np.array([word], dtype=np.uint64) for word in counter], key)
        assert " ".join(f"{int(word[0]):08x}" for word in drawn) == words


def test_philox_is_nvidias_stream():
    """What torch.manual_seed(0); torch.randn(12, device="cuda") prints."""
    printed = [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284, -1.0745, -0.3631, -1.6711, 2.2655]
    assert PhiloxGenerator(0).normal((12,)) == pytest.approx(printed, abs=6e-5)


def test_philox_is_normal_and_takes_64_bits_of_seed():
    many = PhiloxGenerator(2**63 + 5).normal((100_000,))
    assert many.dtype == np.float32
    assert (many.mean(), many.std()) == pytest.approx((0, 1), abs=0.015)
    assert not np.array_equal(many, PhiloxGenerator(5).normal((100_000,)))
    assert not np.array_equal(many, PhiloxGenerator(2**63 + 5 - 2**62).normal((100_000,)))


@pytest.mark.parametrize("source", ["CPU", "GPU"])
def test_each_picture_has_torchs_stream_of_its_seed(source):
    noise = noise_of([10, 2**64 - 1], source=source)
    drawn = [noise.first(), noise(), noise()]
    for place, seed in enumerate((10, 2**64 - 1)):
        for ours, expected in zip(drawn, randn(seed, 3), strict=True):
            assert torch.equal(ours[place], expected)


def test_nv_takes_a_new_call_for_every_draw():
    noise, generator = noise_of([77], source="NV"), PhiloxGenerator(77)
    for drawn in (noise.first(), noise()):
        assert torch.equal(drawn[0], torch.from_numpy(generator.normal(SHAPE)))


def test_an_unknown_source_is_refused():
    with pytest.raises(RequestError, match="randn_source"):
        noise_of([1], source="DICE")


@pytest.mark.parametrize("source", ["CPU", "NV"])
def test_ensd_begins_anew_after_the_first_noise(source):
    noise = noise_of([5], source=source, ensd=31337)
    plain, moved = noise_of([5], source=source), noise_of([5 + 31337], source=source)
    assert torch.equal(noise.first(), plain.first())
    assert torch.equal(noise(), moved())
    assert torch.equal(noise(), moved())


def test_seeds_wrap_at_64_bits():
    assert torch.equal(noise_of([2**64 + 3]).first(), noise_of([3]).first())
    noise = noise_of([2**64 - 1], ensd=4)
    noise.first()
    assert torch.equal(noise(), noise_of([3])())


def by_columns(share, low, high):
    """The great circle of each column (channel, x), its vectors taken along the height."""
    result = np.empty_like(low)
    for c in range(low.shape[0]):
        for x in range(low.shape[2]):
            a, b = low[c, :, x], high[c, :, x]
            angle = math.acos(a @ b / math.sqrt((a @ a) * (b @ b)))
            result[c, :, x] = (math.sin((1 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)
    return result


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_variation_is_a_slerp_of_columns(share):
    noise = noise_of([8, 8], subseeds=[100, 101], subseed_strength=share)
    first = noise.first()
    (low,), others = randn(8), [randn(seed)[0] for seed in (100, 101)]
    for place, high in enumerate(others):
        expected = by_columns(share, low.double().numpy(), high.double().numpy())
        assert np.abs(first[place].numpy() - expected).max() <= 2e-4 * np.abs(expected).max()
    # the steps go on with the seed's own stream
    assert torch.equal(noise()[1], randn(8, 2)[1])


def test_nearly_parallel_noises_mix_in_a_line_with_swapped_roles():
    (low,) = randn(1)
    high = low * 2
    assert torch.equal(slerp(0.25, low, high), low * 0.25 + high * 0.75)


@pytest.mark.parametrize("height", [1, 2, 6])
def test_columns_of_a_few_cells_mix_to_numbers(height):
    """A column of one cell has no other direction than up and down."""
    shape = (4, height, 64)
    (low,), (high,) = randn(1, shape=shape), randn(2, shape=shape)
    mixed = slerp(0.3, low, high)
    assert torch.isfinite(mixed).all()


def cell_by_cell(noise, ground):
    """Centred, the surplus cut; an odd difference leaves the smaller half in front."""
    result = ground.clone()
    shifts = [(whole - own) // 2 for own, whole in zip(noise.shape[1:], ground.shape[1:], strict=True)]
    for y in range(noise.shape[1]):
        for x in range(noise.shape[2]):
            there = (y + shifts[0], x + shifts[1])
            cut = [own + 2 * shift if shift < 0 else own for own, shift in zip(noise.shape[1:], shifts, strict=True)]
            if all(at >= 0 and at - max(shift, 0) < size for at, shift, size in zip(there, shifts, cut, strict=True)):
                result[:, there[0], there[1]] = noise[:, y, x]
    return result


@pytest.mark.parametrize("size", [(6, 5), (4, 3), (3, 2), (8, 9), (9, 4), (7, 6)])
def test_pasting_against_a_loop_over_cells(size):
    own, ground = torch.randn(4, *size), torch.randn(SHAPE)
    assert torch.equal(pasted(own, ground), cell_by_cell(own, ground))


def test_seed_resize_pastes_the_old_sizes_noise_into_the_new_ones():
    noise = noise_of([12], resize_from=(24, 32), subseeds=[4], subseed_strength=0.3)
    small = (4, 4, 3)
    kept = slerp(0.3, randn(12, shape=small)[0], randn(4, shape=small)[0])
    ground, following = randn(12, 2)
    assert torch.equal(noise.first()[0], pasted(kept, ground))
    assert torch.equal(noise()[0], following)


@pytest.mark.parametrize("size", [(0, 32), (32, 0), None, (40, 48)])
def test_no_resize_without_both_sides_or_to_the_same_size(size):
    assert torch.equal(noise_of([12], resize_from=size).first()[0], randn(12)[0])


def test_a_batch_changes_nothing():
    more = {"subseeds": [50, 51], "subseed_strength": 0.2, "resize_from": (16, 16), "ensd": 3, "source": "NV"}
    both, second = noise_of([1, 2], **more), noise_of([2], **{**more, "subseeds": [51]})
    assert torch.equal(both.first()[1], second.first()[0])
    assert torch.equal(both()[1], second()[0])


@pytest.mark.filterwarnings("error")
def test_brownian_noise_is_torchsdes_tree_of_the_seed():
    between = noise_of([9, 2**64 - 2]).brownian(0.0292, 14.6)
    for a, b in ((14.6, 3.5), (3.5, 0.7), (0.7, 0.0292)):
        drawn = between(a, b)
        for place, seed in enumerate((9, 2**64 - 2)):
            tree = torchsde.BrownianTree(
                float(np.float32(0.0292)), torch.zeros(SHAPE), float(np.float32(14.6)), entropy=seed
            )
            low, high = round(float(np.float32(b)), 6), round(float(np.float32(a)), 6)
            assert torch.allclose(drawn[place], -tree(low, high) / math.sqrt(a - b), atol=1e-5)


def test_brownian_increments_add_up_and_are_standard_normal():
    between = noise_of(range(60)).brownian(0.03, 14.6)
    halves = between(10.0, 4.0) * math.sqrt(6) + between(4.0, 1.0) * math.sqrt(3)
    assert torch.allclose(halves, between(10.0, 1.0) * 3, atol=1e-4)
    assert torch.equal(between(1.0, 4.0), -between(4.0, 1.0))
    assert between(4.0, 1.0).std().item() == pytest.approx(1, abs=0.03)


def test_brownian_noise_of_nv_comes_from_philox():
    """The root's increment is the first normal draw of the seed that the tree derives from its entropy."""
    seed = int(np.random.SeedSequence(entropy=21, pool_size=24).generate_state(3)[0])
    expected = torch.from_numpy(PhiloxGenerator(seed).normal(SHAPE))
    assert torch.allclose(noise_of([21], source="NV").brownian(0.5, 4.5)(4.5, 0.5)[0], -expected, atol=1e-6)
    own = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(noise_of([21]).brownian(0.5, 4.5)(4.5, 0.5)[0], -own, atol=1e-6)


def test_streams_live_on_the_card_for_gpu_alone():
    cuda = torch.device("cuda")
    assert module.stream_device("GPU", cuda) == cuda
    assert module.stream_device("CPU", cuda) == CPU
    assert module.stream_device("GPU", CPU) == CPU
    assert module.stream_device("GPU", torch.device("mps")) == CPU
