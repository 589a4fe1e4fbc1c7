"""webuiapi, the package that others wrote, against the live server: every method that is not for an extension."""

from urllib.parse import urlsplit

import pytest
import webuiapi
from PIL import Image
from webuiapi import HiResUpscaler, WebUIApi

from tests.fakes.serving import Served, until


@pytest.fixture
def api(server: Served) -> WebUIApi:
    where = urlsplit(server.url)
    return WebUIApi(host=where.hostname, port=where.port)


def test_txt2img(api: WebUIApi) -> None:
    result = api.txt2img(prompt="a cat", negative_prompt="dog", seed=1003, steps=2, cfg_scale=7, width=64, height=72)
    assert result.image.size == (64, 72)
    assert (result.info["seed"], result.info["sampler_name"]) == (1003, "Euler a")
    assert "Seed: 1003" in result.image.text["parameters"]
    assert result.parameters["seed"] == 1003


def test_txt2img_in_batches_with_hires_fix(api: WebUIApi) -> None:
    result = api.txt2img(
        prompt="a cat", steps=2, width=64, height=64, batch_size=2, n_iter=2, enable_hr=True, hr_scale=1.5,
        hr_upscaler=HiResUpscaler.LatentBicubic, denoising_strength=0.4, hr_second_pass_steps=3,
    )  # fmt: skip
    assert [image.size for image in result.images] == [(96, 96)] * 4
    assert result.info["denoising_strength"] == 0.4
    assert len(result.info["infotexts"]) == 4


def test_img2img_and_inpainting(api: WebUIApi, picture: Image.Image) -> None:
    drawn = api.img2img(images=[picture], prompt="a dog", seed=5, steps=2, width=64, height=64, denoising_strength=0.6)
    assert drawn.image.size == (64, 64)
    assert drawn.info["denoising_strength"] == 0.6
    assert drawn.parameters["init_images"] is None
    mask = Image.new("L", picture.size, 255)
    masked = api.img2img(
        images=[picture], mask_image=mask, inpainting_fill=1, prompt="x", steps=2, width=64, height=64,
        include_init_images=True,
    )  # fmt: skip
    assert masked.parameters["mask_blur"] == 4
    assert masked.parameters["init_images"]


def test_extras(api: WebUIApi, picture: Image.Image) -> None:
    one = api.extra_single_image(image=picture, upscaler_1="Lanczos", upscaling_resize=2)
    assert one.image.size == (128, 96)
    assert "Postprocess upscale by: 2.0" in one.info
    several = api.extra_batch_images(images=[picture, picture], upscaler_1="None")
    assert [image.size for image in several.images] == [picture.size] * 2


def test_png_info(api: WebUIApi) -> None:
    drawn = api.txt2img(prompt="a cat", negative_prompt="dog", steps=2, seed=8)
    found = api.png_info(drawn.image)
    assert found.info == drawn.info["infotexts"][0]
    assert found.parameters["Prompt"] == "a cat"
    assert found.parameters["Negative prompt"] == "dog"
    assert found.parameters["Seed"] == "8"
    assert found.parameters["Hires sampler"] == "Use same sampler"


def test_interrogation_is_refused_as_upstream_refuses_an_unknown_model(api: WebUIApi, picture: Image.Image) -> None:
    with pytest.raises(RuntimeError) as refused:
        api.interrogate(picture)
    assert refused.value.args[0] == 404
    assert "Model not found" in refused.value.args[1]


def test_control(api: WebUIApi) -> None:
    assert api.interrupt() == {}
    assert api.skip() is None
    assert api.get_progress()["progress"] == 0.0
    api.util_wait_for_ready(0.05)


def test_options(api: WebUIApi) -> None:
    before = api.get_options()
    assert before["send_seed"] is True
    assert api.set_options({"send_seed": False}) is None
    assert api.get_options()["send_seed"] is False
    # its author warns of this; it must do no harm here
    assert api.set_options(before) is None
    assert api.get_options() == before


def test_models(api: WebUIApi) -> None:
    names = api.util_get_model_names()
    assert len(names) >= 2
    api.util_set_model("anything.safetensors")
    assert until(lambda: api.util_get_current_model()).startswith("anything")
    api.util_set_model("v1-5-pruned-emaonly")
    assert api.util_get_current_model().startswith("v1-5-pruned-emaonly")
    assert api.refresh_checkpoints() is None


def test_listings(api: WebUIApi) -> None:
    assert "Euler a" in api.util_get_sampler_names()
    assert "karras" in api.util_get_scheduler_names()
    assert [one["name"] for one in api.get_upscalers()[:3]] == ["None", "Lanczos", "Nearest"]
    assert api.get_latent_upscale_modes()[0] == {"name": "Latent"}
    assert set(api.get_scripts()) == {"txt2img", "img2img"}
    assert api.get_embeddings()["loaded"]["fake-ti"]["vectors"] == 2
    assert api.get_memory()["ram"]["total"] > 0
    assert "api_auth" in api.get_cmd_flags()
    for listing in (api.get_sd_vae, api.get_loras, api.get_hypernetworks, api.get_face_restorers,
                    api.get_realesrgan_models, api.get_prompt_styles):  # fmt: skip
        assert isinstance(listing(), list)


def test_an_extension_that_is_not_there_is_named(api: WebUIApi) -> None:
    unit = webuiapi.ControlNetUnit(image=Image.new("RGB", (8, 8)))
    with pytest.raises(RuntimeError) as refused:
        api.txt2img(prompt="x", steps=1, controlnet_units=[unit])
    assert refused.value.args[0] == 422
    assert "ControlNet" in refused.value.args[1]
