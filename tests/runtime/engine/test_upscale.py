"""Upscalers: our networks against a flat copy of their figures, tiles against the whole, sizes against the rule."""

import os
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from runtime.engine.upscale.enlarge import UNWATCHED, Enlarger, InterruptedUpscalingError, Watcher
from runtime.engine.upscale.layouts import esrgan_names, network_of, unwrapped
from runtime.engine.upscale.loading import load_network
from runtime.engine.upscale.networks import Compact, Esrgan
from runtime.engine.upscale.tiles import Joiner, plan_tiles
from runtime.job_options import JobOptions
from runtime.request import RequestError
from runtime.upscalers import Upscaler
from tests.runtime.engine.upscaler_files import (
    compact,
    compact_weights,
    esrgan,
    esrgan_weights,
    nearest_weights,
    new_names,
    old_names,
)

WHOLE = JobOptions(ESRGAN_tile=0)


def photo(width=40, height=30):
    """Smooth colours with edges in them."""
    y, x = np.mgrid[0:height, 0:width] / 16
    levels = np.stack([np.sin(x * 2) * 0.4 + 0.5, (x + y) % 1, (np.hypot(x - 1, y - 1) < 0.7) * 1.0], -1)
    return Image.fromarray((levels * 255).astype(np.uint8))


def tensor(image):
    return torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)[None]


def shelf(tmp_path, **files):
    """Upscaler files of these names in models/ESRGAN."""
    folder = tmp_path / "ESRGAN"
    folder.mkdir(exist_ok=True)
    for name, weights in files.items():
        save_file({key: value.contiguous() for key, value in weights.items()}, folder / f"{name}.safetensors")
    return Enlarger({"ESRGAN": (folder,)})


@pytest.mark.parametrize("doublings", [0, 1, 2, 3])
@pytest.mark.parametrize("spelling", [dict, old_names, new_names])
def test_all_layouts_give_the_figure_of_the_paper(spelling, doublings):
    weights = esrgan_weights(doublings=doublings)
    spelled = spelling(weights, doublings) if spelling is old_names else spelling(weights)
    network = network_of(spelled)
    assert isinstance(network, Esrgan)
    assert network.scale == 2**doublings
    x = tensor(photo())
    assert torch.allclose(network(x), esrgan(weights, x, doublings), atol=1e-5)


@pytest.mark.parametrize(("folded", "shuffle", "scale"), [(12, 2, 2), (48, 4, 1)])
@pytest.mark.parametrize("spelling", [dict, old_names])
def test_pixels_are_folded_first_where_the_shape_says_so(folded, shuffle, scale, spelling):
    weights = esrgan_weights(folded=folded)
    network = network_of(spelling(weights))
    assert (network.scale, network.channels) == (scale, 3)
    x = tensor(photo(40, 32))
    assert torch.allclose(network(x), esrgan(weights, x, shuffle=shuffle), atol=1e-5)
    assert network(tensor(photo(39, 31))).shape[-2:] == (31 * scale, 39 * scale)


@pytest.mark.parametrize(("scale", "channels"), [(4, 3), (2, 3), (1, 3), (3, 1)])
def test_the_compact_network(scale, channels):
    weights = compact_weights(scale=scale, channels=channels)
    network = network_of(weights)
    assert isinstance(network, Compact)
    assert (network.scale, network.channels) == (scale, channels)
    x = tensor(photo())[:, :channels]
    assert torch.allclose(network(x), compact(weights, x, scale), atol=1e-5)


def test_the_sizes_of_published_files_are_read_from_their_shapes():
    """RealESRGAN_x4plus has 23 blocks of 64 and 32; realesr-general-x4v3 32 layers of 64. Their names are all known."""
    shapes = {name: torch.empty(*one.shape, device="meta") for name, one in esrgan_weights(64, 32, 23).items()}
    assert len(shapes) == 702
    for spelled in (shapes, old_names(shapes), new_names(shapes)):
        assert len(esrgan_names(spelled)) == len(shapes)
        network = network_of(spelled)
        assert (len(network.trunk), network.scale) == (23, 4)
        assert sum(one.numel() for one in network.parameters()) == 16_697_987
    general = network_of({name: one.to("meta") for name, one in compact_weights(64, 32).items()})
    assert sum(one.numel() for one in general.parameters()) == 1_213_296


@pytest.mark.parametrize("wrapper", ["params_ema", "params", "state_dict", "model"])
def test_wrappers_and_prefixes_come_off(wrapper):
    weights = esrgan_weights()
    assert unwrapped({"params": {}, wrapper: {f"module.{name}": one for name, one in weights.items()}}).keys() == (
        weights.keys()
    )
    both = {"params": esrgan_weights(seed=2), "params_ema": weights, "step": 5}
    assert unwrapped(both)["conv_first.weight"] is weights["conv_first.weight"]


def test_a_torch_file_is_read_too(tmp_path):
    torch.save({"params_ema": esrgan_weights()}, tmp_path / "x.pth")
    torch.save(old_names(esrgan_weights()), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    x = tensor(photo())
    made = [load_network(tmp_path / name)(x) for name in ("x.pth", "old.pth")]
    assert torch.equal(made[0], made[1])
    assert torch.allclose(made[0], esrgan(esrgan_weights(), x), atol=1e-5)


@pytest.mark.parametrize("spoil", ["conv_hr.weight", "body.1.rdb2.conv3.bias", "conv_first.weight"])
def test_a_file_with_a_weight_missing_or_misshapen_is_refused(tmp_path, spoil):
    weights = esrgan_weights()
    for name, spoilt in (("less", {}), ("bent", {spoil: weights[spoil][:3].clone()})):
        save_file({key: one for key, one in weights.items() if key != spoil} | spoilt, tmp_path / f"{name}.safetensors")
        with pytest.raises(RequestError) as refused:
            load_network(tmp_path / f"{name}.safetensors")
        assert refused.value.code == "upscaler-damaged"


def test_another_family_is_refused_with_what_to_install(tmp_path):
    save_file({"layers.0.residual_group.blocks.0.norm1.weight": torch.ones(4)}, tmp_path / "swin.safetensors")
    with pytest.raises(RequestError, match="spandrel") as refused:
        load_network(tmp_path / "swin.safetensors")
    assert refused.value.code == "upscaler-family"


@pytest.mark.parametrize(
    ("size", "tile", "overlap"),
    [
        ((100, 70), (32, 32), 8),
        ((33, 32), (32, 32), 8),
        ((64, 64), (64, 64), 8),
        ((7, 5), (32, 32), 8),
        ((200, 10), (16, 16), 0),
        ((50, 50), (8, 8), 64),
    ],
)
def test_tiles_cover_everything_and_overlap_enough(size, tile, overlap):
    tiling = plan_tiles(size, tile, overlap)
    for side, limit, within, starts in zip(
        size, tile, (tiling.tile_width, tiling.tile_height), (tiling.lefts, tiling.tops), strict=True
    ):
        assert within == min(side, limit)
        assert starts[0] == 0
        assert starts[-1] + within == side
        shared = [left + within - right for left, right in pairwise(starts)]
        assert all(one >= min(overlap, within - 1) for one in shared)


@pytest.mark.parametrize("trim", [0.0, 0.25])
def test_tiles_of_one_picture_join_to_that_picture(trim):
    picture = np.asarray(photo(100, 70), np.float32)
    tiling = plan_tiles((100, 70), (32, 24), 8)
    joiner, tiles = Joiner(tiling, 3, trim), [picture[y:bottom, x:right] for x, y, right, bottom in tiling.boxes]
    columns = len(tiling.lefts)
    for row in range(len(tiling.tops)):
        joiner.add_row(row, tiles[row * columns : (row + 1) * columns])
    assert np.array_equal(joiner.pixels, picture)


def test_a_step_between_tiles_becomes_a_ramp():
    tiling = plan_tiles((12, 4), (8, 4), 4)
    joiner = Joiner(tiling, 1)
    joiner.add_row(0, [np.zeros((4, 8, 1), np.float32), np.full((4, 8, 1), 80, np.float32)])
    assert joiner.pixels[0, :, 0].tolist() == [0, 0, 0, 0, 10, 30, 50, 70, 80, 80, 80, 80]


@pytest.mark.parametrize("weights", [compact_weights(layers=2), esrgan_weights(blocks=1)])
def test_tiles_give_what_the_whole_gives(tmp_path, weights):
    """An overlap of four times the receptive field leaves nothing of a tile's edge; a small one nothing to see."""
    enlarger, image = shelf(tmp_path, net=weights), photo(120, 90)
    whole = np.asarray(enlarger.enlarge(image, "net", 480, 360, WHOLE), int)
    wide = enlarger.enlarge(image, "net", 480, 360, JobOptions(ESRGAN_tile=100, ESRGAN_tile_overlap=96))
    assert np.abs(np.asarray(wide, int) - whole).max() <= 1
    narrow = enlarger.enlarge(image, "net", 480, 360, JobOptions(ESRGAN_tile=48, ESRGAN_tile_overlap=8))
    assert np.abs(np.asarray(narrow, int) - whole).mean() < 0.5


@pytest.mark.parametrize(("width", "height", "passes"), [(160, 120, 1), (170, 120, 2), (20 * 64, 15 * 64, 3)])
def test_a_network_is_used_until_the_picture_is_large_enough(tmp_path, monkeypatch, width, height, passes):
    enlarger, seen = shelf(tmp_path, near=nearest_weights()), []
    monkeypatch.setattr(Enlarger, "_tiled", _counting(seen, Enlarger._tiled))
    made = enlarger.enlarge(photo(20, 15) if passes == 3 else photo(), "near", width, height, WHOLE)
    assert (made.size, len(seen)) == ((width, height), passes)


def _counting(seen, real):
    def tiled(self, image, *rest):
        seen.append(image.size)
        return real(self, image, *rest)

    return tiled


def test_a_factor_of_one_still_goes_through_the_network(tmp_path):
    made = shelf(tmp_path, one=compact_weights(scale=1)).scaled(photo(40, 32), "one", 1.0, WHOLE)
    assert made.size == (40, 32)
    assert np.abs(np.asarray(made, int) - np.asarray(photo(40, 32), int)).max() > 3


@pytest.mark.parametrize(("factor", "size"), [(2, (80, 56)), (1.5, (56, 40)), (2.3, (88, 64)), (0.1, (8, 8))])
@pytest.mark.parametrize("name", ["Lanczos", "Nearest", "near"])
def test_a_factor_gives_multiples_of_eight(tmp_path, name, factor, size):
    assert shelf(tmp_path, near=nearest_weights()).scaled(photo(), name, factor, WHOLE).size == size


def test_nearest_and_lanczos_are_pillows():
    image, enlarger = photo(40, 32), Enlarger({})
    for name, kind in (("Nearest", Image.Resampling.NEAREST), ("Lanczos", Image.Resampling.LANCZOS)):
        assert np.array_equal(enlarger.scaled(image, name, 2, WHOLE), image.resize((80, 64), kind))


def test_a_network_that_repeats_pixels_equals_nearest(tmp_path):
    enlarger = shelf(tmp_path, near=nearest_weights(), grey=nearest_weights(channels=1))
    nearest = np.asarray(enlarger.scaled(photo(), "Nearest", 4, WHOLE))
    for options in (WHOLE, JobOptions(ESRGAN_tile=16)):
        assert np.array_equal(enlarger.scaled(photo(), "near", 4, options), nearest)
    grey = enlarger.scaled(photo(), "grey", 4, WHOLE)
    assert grey.mode == "RGB"
    assert np.array_equal(np.asarray(grey)[::4, ::4, 0], np.asarray(photo().convert("L")))


def test_transparency_is_enlarged_beside_the_colours(tmp_path):
    image = photo().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    made = shelf(tmp_path, near=nearest_weights()).enlarge(image, "near", 160, 120, WHOLE)
    assert made.mode == "RGBA"
    assert np.array_equal(np.asarray(made.convert("RGB"))[::4, ::4], np.asarray(photo()))
    assert np.array_equal(made.getchannel("A"), image.getchannel("A").resize((160, 120), Image.Resampling.LANCZOS))


def test_numbers_that_are_none_are_named(tmp_path):
    weights = compact_weights() | {"body.0.bias": torch.full((8,), float("nan"))}
    with pytest.raises(RequestError) as refused:
        shelf(tmp_path, nan=weights).scaled(photo(), "nan", 4, WHOLE)
    assert refused.value.code == "nan-upscaler"


@pytest.mark.parametrize(
    "lacking",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("GET was unable to find an engine to execute this")],
)
def test_less_memory_means_smaller_tiles(tmp_path, monkeypatch, lacking):
    sizes, run = [], Enlarger._run

    def crowded(self, network, tile):
        sizes.append(tile.width)
        if tile.width > 50:
            raise lacking
        return run(self, network, tile)

    monkeypatch.setattr(Enlarger, "_run", crowded)
    enlarger, image = shelf(tmp_path, near=nearest_weights()), photo(150, 120)
    made = enlarger.scaled(image, "near", 4, JobOptions(ESRGAN_tile=0))
    assert np.array_equal(made, enlarger.scaled(image, "Nearest", 4, WHOLE))
    assert sorted(set(sizes), reverse=True)[:2] == [150, 60]


def test_reports_and_stops_between_tiles(tmp_path):
    enlarger, told = shelf(tmp_path, near=nearest_weights()), []
    options = JobOptions(ESRGAN_tile=20, ESRGAN_tile_overlap=4)
    enlarger.scaled(photo(), "near", 4, options, Watcher(lambda done, tiles: told.append((done, tiles))))
    assert told == [(k, 6) for k in range(1, 7)]
    told.clear()
    watcher = Watcher(lambda done, tiles: told.append(done), lambda: len(told) == 2)
    with pytest.raises(InterruptedUpscalingError):
        enlarger.scaled(photo(), "near", 4, options, watcher)
    assert told == [1, 2]


def test_a_changed_file_is_read_again(tmp_path):
    enlarger = shelf(tmp_path, net=nearest_weights())
    first = enlarger.scaled(photo(), "net", 4, WHOLE)
    shelf(tmp_path, net=compact_weights())
    os.utime(tmp_path / "ESRGAN" / "net.safetensors", (1, 1))
    assert not np.array_equal(enlarger.scaled(photo(), "net", 4, WHOLE), first)


@pytest.mark.parametrize(("width", "height"), [(0, 10), (20_000, 10), (10, -1)])
def test_impossible_sizes_are_refused(width, height):
    with pytest.raises(RequestError) as refused:
        Enlarger({}).enlarge(photo(), "Lanczos", width, height, WHOLE)
    assert refused.value.code == "size-out-of-range"


@pytest.mark.parametrize("failure", [None, InterruptedUpscalingError(), RuntimeError("CUDA out of memory")])
def test_a_network_leaves_the_card_after_its_work_in_whatever_way_that_ends(monkeypatch, failure):
    class Placed:
        scale, channels, lies = 2, 3, ()

        def to(self, device, dtype):
            self.lies = device.type, dtype

    def work(_self, image, network, _tiling, _watcher):
        network.to(torch.device("cuda"), torch.float16)
        if failure is not None:
            raise failure
        return image

    network = Placed()
    monkeypatch.setattr(Enlarger, "_network", lambda _self, _upscaler: network)
    monkeypatch.setattr(Enlarger, "_joined", work)
    with nullcontext() if failure is None else pytest.raises(type(failure)):
        Enlarger({}, torch.device("cuda"))._pass(photo(), Upscaler("one", Path("one.pth")), WHOLE, UNWATCHED)
    assert network.lies == ("cpu", torch.float16)
