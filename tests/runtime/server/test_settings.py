"""The settings: the table that names every one, the file, what the flags freeze, what a job may set for itself."""

import json
from pathlib import Path

import pytest

from runtime.flags import read_flags
from runtime.freezing import Freeze, freeze_from
from runtime.options import Options, migrated, unheeded
from runtime.request import RequestError
from runtime.setting import JOB_DEFAULTS
from runtime.settings_elsewhere import ELSEWHERE
from runtime.settings_table import BY_NAME, DEFAULTS, SECTIONS, SETTINGS
from tests.fakes.serving import serve


def test_every_option_of_a_job_is_in_the_table() -> None:
    assert JOB_DEFAULTS.keys() - BY_NAME.keys() == set()
    assert len(BY_NAME) == len(SETTINGS)
    assert not ELSEWHERE & BY_NAME.keys()
    assert len({section.title for section in SECTIONS}) == len(SECTIONS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_every_setting_names_its_effect_and_its_unit(setting: object) -> None:
    assert setting.label
    assert setting.effect.endswith(".")
    assert " " in setting.effect
    assert bool(setting.unit) is (setting.kind in ("int", "float")), "a number says what it counts"
    if setting.choices:
        assert setting.default in setting.choices
    if setting.low is not None and setting.high is not None:
        assert setting.low <= setting.default <= setting.high


def test_the_types_of_the_table_are_the_jobs() -> None:
    assert {name: BY_NAME[name].default for name in JOB_DEFAULTS} == dict(JOB_DEFAULTS)


def test_unknown_keys_and_letters_of_all_languages_stay_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"their_own": {"a": [1]}, "samples_filename_pattern": "图", "jpeg_quality": "much"}', "utf-8")
    options = Options(file)
    assert (options["samples_filename_pattern"], options["jpeg_quality"]) == ("图", 80)
    options.update({"samples_format": "jpg"})
    text = file.read_text("utf-8")
    assert json.loads(text)["their_own"] == {"a": [1]}
    assert "图" in text
    assert text.startswith('{\n    "')


def test_what_is_stored_already_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    options = Options(file)
    options.update({"jpeg_quality": 90})
    before = file.stat().st_mtime_ns
    options.update({"jpeg_quality": 90.0})
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"quicksettings": "sd_model_checkpoint, sd_vae"}, {"quicksettings_list": ["sd_model_checkpoint", "sd_vae"]}),
        ({"ui_reorder": "sampler, seed"}, {"ui_reorder_list": ["sampler", "seed"]}),
        ({"sd_vae_as_default": False}, {"sd_vae_overrides_per_model_preferences": True}),
        ({"sd_vae": "auto"}, {"sd_vae": "Automatic"}),
        ({"quicksettings": "a", "quicksettings_list": ["b"]}, {"quicksettings_list": ["b"]}),
    ],
)
def test_files_of_earlier_versions(old: dict[str, object], new: dict[str, object]) -> None:
    assert migrated(old) == old | new


def test_an_unreadable_file_is_moved_aside(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", "utf-8")
    assert Options(tmp_path / "config.json").known()["jpeg_quality"] == 80
    (aside,) = (tmp_path / "tmp").glob("config-*.json")
    assert aside.read_text("utf-8") == "{"


def test_whole_numbers_are_listed_as_upstream_lists_them(tmp_path: Path) -> None:
    known = json.dumps(Options(tmp_path / "c.json").known())
    assert '"CLIP_stop_at_last_layers": 1.0' in known
    assert '"eta_noise_seed_delta": 0,' in known
    assert '"samples_save": true' in known


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("CLIP_stop_at_last_layers", "x", "option-unusable"),
        ("eta_ddim", [], "option-unusable"),
        ("randn_source", "zz", "option-unknown"),
        ("samples_format", "gif", "option-unknown"),
        ("emphasis", "loud", "option-unknown"),
        ("sd_noise_schedule", "none", "option-unknown"),
        ("ddim_discretize", "cubic", "option-unknown"),
    ],
)
def test_both_doors_refuse_what_a_setting_cannot_be_and_store_nothing(
    tmp_path: Path, name: str, value: object, code: str
) -> None:
    options = Options(tmp_path / "config.json")
    options.update({"CLIP_stop_at_last_layers": 2, "randn_source": "NV"})
    before = (tmp_path / "config.json").read_text("utf-8")
    with pytest.raises(RequestError) as stored:
        options.update({"jpeg_quality": 90, name: value})
    with pytest.raises(RequestError) as overridden:
        options.for_job({name: value})
    assert stored.value.code == overridden.value.code == code
    assert name in stored.value.message
    assert str(stored.value) == str(overridden.value)
    assert (tmp_path / "config.json").read_text("utf-8") == before
    assert options["jpeg_quality"] == 80


def test_an_unknown_face_restorer_is_kept_as_upstream_does(tmp_path: Path) -> None:
    assert Options(tmp_path / "c.json").for_job({"face_restoration_model": "RestoreFormer"}).face_restoration_model


def test_a_file_with_choices_that_nobody_knows_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.json").write_text('{"samples_format": "gif", "jpeg_quality": 70}', "utf-8")
    options = Options(tmp_path / "config.json")
    assert (options["samples_format"], options["jpeg_quality"]) == ("png", 70)
    assert "samples_format" in caplog.text
    options.update({"jpeg_quality": 60})
    written = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert written == {"samples_format": "gif", "jpeg_quality": 60}, "another program may know it"
    options.update({"samples_format": "WebP"})
    assert json.loads((tmp_path / "config.json").read_text("utf-8"))["samples_format"] == "webp"


@pytest.mark.parametrize(
    "freeze",
    [
        Freeze(everything=True),
        Freeze(sections=frozenset({"upscaling"})),
        Freeze(names=frozenset({"upscaler_for_img2img"})),
    ],
)
def test_the_whole_answer_sent_back_changes_nothing_that_is_frozen(tmp_path: Path, freeze: Freeze) -> None:
    options = Options(tmp_path / "config.json", freeze)
    options.update(options.known() | {"upscaler_for_img2img": None})
    assert not (tmp_path / "config.json").exists()


def test_a_default_that_somebody_sets_counts_and_the_whole_answer_sent_back_sets_none(tmp_path: Path) -> None:
    options, advised = Options(tmp_path / "config.json"), {"CLIP_stop_at_last_layers": 2}
    options.update(options.known() | {"jpeg_quality": 90})
    assert json.loads((tmp_path / "config.json").read_text("utf-8")) == {"jpeg_quality": 90}
    assert options.for_job({}, advised).CLIP_stop_at_last_layers == 2
    options.update({"CLIP_stop_at_last_layers": 1})
    assert options.for_job({}, advised).CLIP_stop_at_last_layers == 1
    options.update(options.known())
    assert options.for_job({}, advised).CLIP_stop_at_last_layers == 1
    options.update({"CLIP_stop_at_last_layers": None})
    assert options.for_job({}, advised).CLIP_stop_at_last_layers == 2


def test_a_job_sets_only_what_shapes_its_pictures(tmp_path: Path) -> None:
    options = Options(tmp_path / "c.json")
    made = options.for_job({"CLIP_stop_at_last_layers": "2", "outdir_txt2img_samples": "/etc", "sd_unet": "None"})
    assert (made.CLIP_stop_at_last_layers, made.outdir_txt2img_samples) == (2, DEFAULTS["outdir_txt2img_samples"])
    said = unheeded({"outdir_txt2img_samples": "/etc", "sd_unet": "None", "sd_vae": "x", "samples_save": True})
    assert [sentence.split()[2] for sentence in said] == ["outdir_txt2img_samples", "sd_unet"]
    with pytest.raises(RequestError, match="no_such_setting"):
        options.for_job({"no_such_setting": 1})
    assert not (tmp_path / "c.json").exists()


def test_what_is_frozen(tmp_path: Path) -> None:
    flags = {"freeze_settings_in_sections": "saving-images,Stable Diffusion XL", "freeze_specific_settings": "sd_vae"}
    options = Options(tmp_path / "c.json", freeze_from(flags | {"hide_ui_dir_config": True}))
    for name in ("jpeg_quality", "sdxl_crop_top", "sd_vae"):
        with pytest.raises(RequestError) as refused:
            options.update({name: 3})
        assert refused.value.code == "settings-frozen"
        options.update({name: DEFAULTS[name]})  # what it is already
    options.update({"outdir_samples": "/elsewhere", "eta_ddim": 0.5, "api_enable_requests": True})
    assert (options["outdir_samples"], options["eta_ddim"], options["api_enable_requests"]) == ("", 0.5, False)
    with pytest.raises(RequestError):
        options.for_job({"sd_vae": "other"})
    assert options.for_job({"sd_vae": "Automatic", "eta_ddim": 0.1}).eta_ddim == 0.1
    with pytest.raises(RequestError):
        Options(tmp_path / "d.json", Freeze(everything=True)).update({"eta_ddim": 0.5})


def test_a_server_with_frozen_settings(data: Path) -> None:
    with serve(data, "--nowebui", "--freeze-settings") as served:
        refused = served.post("/sdapi/v1/options", json={"jpeg_quality": 90})
        assert refused.status_code == 403
        assert "--freeze-settings" in refused.json()["errors"]
        assert served.post("/sdapi/v1/options", json={"jpeg_quality": 80}).json() is None
        other = {"sd_model_checkpoint": "gesso-demo.safetensors"}
        assert served.post("/sdapi/v1/options", json=other).status_code == 403
        assert served.draw(prompt="x", steps=1).status_code == 200
        assert served.draw(prompt="x", steps=1, override_settings={"jpeg_quality": 1}).status_code == 403
    assert not (data / "config.json").exists()


@pytest.mark.parametrize(
    ("flags", "shaped", "folders"),
    [
        (("--listen",), True, False),
        (("--allow-host", "art.example"), True, False),
        (("--share",), False, False),
        ((), True, True),
    ],
)
def test_from_outside_only_pictures_are_shaped(
    tmp_path: Path, flags: tuple[str, ...], shaped: bool, folders: bool
) -> None:
    settings = read_flags(flags, {})
    options = Options(tmp_path / "c.json", freeze_from(settings.flags, settings.exposed))
    for change, allowed in (
        ({"sd_vae": "None", "CLIP_stop_at_last_layers": 2}, True),
        ({"upscaler_for_img2img": "Lanczos"}, shaped),
        ({"outdir_samples": "elsewhere"}, folders),
    ):
        if allowed:
            options.update(change)
        else:
            with pytest.raises(RequestError, match="cannot be changed here"):
                options.update(change)
            with pytest.raises(RequestError, match="cannot be changed here"):
                options.check(change)


@pytest.mark.parametrize(("flags", "kept"), [(("--listen",), False), (("--share",), False), ((), True)])
def test_a_setting_that_nobody_knows_is_kept_for_the_owner_and_keeps_no_other_setting_back(
    tmp_path: Path, flags: tuple[str, ...], kept: bool
) -> None:
    """Forge's clients send forge_additional_modules beside the checkpoint."""
    settings = read_flags(flags, {})
    options = Options(tmp_path / "c.json", freeze_from(settings.flags, settings.exposed))
    change = {"forge_additional_modules": ["a.safetensors"], "CLIP_stop_at_last_layers": 2}
    options.check(change)
    options.update(change)
    written = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert written == (change if kept else {"CLIP_stop_at_last_layers": 2})


def test_a_single_job_stores_nothing_so_from_where_it_comes_does_not_matter(tmp_path: Path) -> None:
    settings = read_flags(("--share",), {})
    options = Options(tmp_path / "c.json", freeze_from(settings.flags, settings.exposed))
    assert options.for_job({"samples_format": "jpg", "outdir_samples": "x"}).samples_format == "jpg"
    assert not (tmp_path / "c.json").exists()
