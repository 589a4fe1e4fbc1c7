"""What AUTOMATIC1111 1.10 offers and what Gesso makes of it, where no table in the program says so already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["works", "differs", "absent"]


@dataclass(frozen=True)
class Row:
    """`note` says how it differs or why it is absent; `proof` is a test, `file::name`, under tests/."""

    what: str
    state: State = "works"
    note: str = ""
    proof: str = ""


TABLES: dict[str, tuple[Row, ...]] = {
    "Prompt forms": (
        Row("`(x)`, `((x))`, `[x]`, `(x:1.3)`, escapes `\\(`", proof="runtime/engine/test_prompt.py::test_emphasis"),
        Row(
            "`[from:to:when]`, `[to:when]`, `[from::when]`, nested, fraction or step",
            proof="runtime/engine/test_prompt_editing.py::test_edits",
        ),
        Row("`[a|b|c]`, empty options", proof="runtime/engine/test_prompt_editing.py::test_alternation"),
        Row(
            "`AND` with weights, and a weight at the end without any `AND`",
            proof="runtime/engine/test_prompt_editing.py::test_parts",
        ),
        Row(
            "`BREAK`, chunks of 75 tokens, commas that move a phrase",
            proof="runtime/engine/test_prompt.py::test_a_phrase_moves_with_its_comma",
        ),
        Row(
            "`<lora:…>`, `<lyco:…>` with te, unet, dyn, by place or by name",
            proof="runtime/engine/test_networks_worn.py::test_named_weights_win_and_a_rank_can_be_cut",
        ),
        Row(
            "`<hypernet:name:weight>`",
            proof="runtime/engine/test_networks_hyper.py::test_attention_reads_through_it_and_afterwards_no_more",
        ),
        Row("`#` comments", proof="runtime/engine/test_prompt_editing.py::test_comments"),
        Row(
            "styles from `styles.csv`, with or without `{prompt}`",
            proof="runtime/server/test_styles.py::test_styles_join_in_order",
        ),
        Row(
            "textual inversion by name",
            proof="runtime/engine/test_networks_demo.py::test_the_embedding_gives_its_colours_to_the_shape",
        ),
        Row(
            "clip skip",
            proof="runtime/engine/test_conditioning.py::test_clip_skip_is_as_if_the_last_layers_were_not_there",
        ),
        Row(
            "a `|` outside brackets turns all editing off",
            proof="runtime/engine/test_prompt_editing.py::test_what_cannot_be_read_is_taken_as_it_stands",
        ),
        Row(
            "100,000 tokens, 100,000 nested brackets",
            note="linear time; AUTOMATIC1111's grammar does not end",
            proof="runtime/engine/test_prompt_properties.py::test_a_hundred_thousand_take_seconds_at_most",
        ),
    ),
    "Seeds and noise": (
        Row(
            "picture k of a batch is the single picture of seed + k",
            proof="runtime/engine/test_generate.py::test_a_picture_of_a_batch_equals_the_single_picture_of_its_seed",
        ),
        Row(
            "`randn_source` CPU", proof="runtime/engine/test_noise.py::test_each_picture_has_torchs_stream_of_its_seed"
        ),
        Row(
            "`randn_source` NV (Philox)",
            note="checked against published vectors of Philox; never compared with a card here",
            proof="runtime/engine/test_noise.py::test_philox_is_nvidias_stream",
        ),
        Row(
            "`randn_source` GPU",
            state="differs",
            note="on a computer without CUDA it is the CPU's, as in AUTOMATIC1111; never run on a card",
            proof="runtime/engine/test_noise.py::test_streams_live_on_the_card_for_gpu_alone",
        ),
        Row(
            "ENSD, variation seeds, seed resize",
            proof="runtime/engine/test_noise.py::test_variation_is_a_slerp_of_columns",
        ),
        Row(
            "Brownian noise of the SDE samplers",
            proof="runtime/engine/test_noise.py::test_brownian_noise_is_torchsdes_tree_of_the_seed",
        ),
    ),
    "Files": (
        Row(
            "checkpoints `.safetensors`, Stable Diffusion 1.x, 2.x, SDXL, SDXL refiner, inpainting",
            note="proved with random weights in the published layouts; no published file was at hand",
            proof="runtime/engine/test_families.py::test_what_was_written_comes_back_and_computes_the_same",
        ),
        Row(
            "checkpoints `.ckpt`",
            note="read by an allow-list: a pickle never runs",
            proof="runtime/engine/test_families.py::test_a_ckpt_loads_as_the_safetensors_does",
        ),
        Row(
            "diffusers folders", proof="runtime/engine/test_families.py::test_a_diffusers_folder_is_the_same_checkpoint"
        ),
        Row(
            "a checkpoint's `.yaml`",
            state="differs",
            note="only its prediction type is read; the rest follows from the tensors",
            proof="runtime/engine/test_families.py::test_prediction_is_read_from_what_the_maker_says",
        ),
        Row(
            "VAE files, `sd_vae`, `--vae-path`, same-stem VAEs",
            proof="runtime/server/test_vaes.py::test_the_option_then_the_json_then_the_name_then_the_own",
        ),
        Row(
            "LoRA, LoCon, LoHa, LoKr; kohya and diffusers keys",
            proof="runtime/engine/test_networks_keys.py::test_every_spelling_is_one_key",
        ),
        Row(
            "textual inversion `.pt`, `.bin`, `.safetensors`, pictures",
            proof="runtime/engine/test_embeddings.py::test_every_container_gives_its_vectors",
        ),
        Row("hypernetworks `.pt`", proof="runtime/engine/test_networks_hyper.py::test_the_first_files_names"),
        Row(
            "ESRGAN and Real-ESRGAN files",
            proof="runtime/engine/test_upscale.py::test_the_sizes_of_published_files_are_read_from_their_shapes",
        ),
        Row(
            "SwinIR, DAT, ScuNET, HAT files",
            state="differs",
            note="through the package spandrel where it is installed; untested: no torchvision fits our torch",
            proof="runtime/engine/test_upscale.py::test_another_family_is_refused_with_what_to_install",
        ),
        Row(
            "LDSR, GFPGAN, CodeFormer, BLIP, DeepDanbooru",
            state="absent",
            note="their networks are not in Gesso; what asks for them gets an honest answer and no picture is touched",
        ),
        Row(
            "infotext in PNG, JPEG, WebP",
            proof="runtime/engine/test_images.py::test_exif_says_unicode_and_is_big_endian",
        ),
        Row(
            "infotext of A1111, Forge, SD.Next and NovelAI files",
            proof="runtime/infotext/test_parsing.py::test_texts_of_forge_and_sd_next",
        ),
        Row("AVIF pictures", state="absent", note="not every Pillow can write them; PNG, JPEG and WebP are"),
        Row(
            "`config.json`, unknown keys kept",
            proof="runtime/server/test_settings.py::test_unknown_keys_and_letters_of_all_languages_stay_in_the_file",
        ),
        Row("`ui-config.json`"),
        Row(
            "`styles.csv`",
            proof="runtime/server/test_styles.py::test_a_saved_style_is_read_again_and_the_old_file_kept",
        ),
        Row(
            "`localizations/*.json`, extensions' localizations",
            proof="runtime/browser/test_chinese.py::test_the_chinese_page_is_complete",
        ),
        Row(
            "`cache.json`",
            proof="runtime/server/test_library.py::test_hashes_are_remembered_in_the_old_form_until_the_file_changes",
        ),
        Row("`cache/` (diskcache)", state="absent", note="hashes live in `cache.json`, which AUTOMATIC1111 imports"),
        Row(
            "`outputs/…`, file name and folder patterns, grids, `params.txt`",
            proof="runtime/engine/test_saving.py::test_params_txt",
        ),
        Row(
            "extensions",
            state="absent",
            note="their code needs AUTOMATIC1111's own modules; only their localizations are read",
        ),
    ),
    "The page": (
        Row(
            "X/Y/Z plot, with keys that fill in values and swap axes",
            proof="runtime/browser/test_scripts.py::test_the_plot_fills_in_values_swaps_axes_and_is_asked_for",
        ),
        Row(
            "Prompts from file or textbox",
            proof="runtime/browser/test_scripts.py::test_a_file_of_prompts_fills_the_box",
        ),
        Row(
            "Outpainting mk2, Poor man's outpainting, img2img alternative test",
            state="absent",
            note="not written yet; SD upscale and Loopback are there",
        ),
        Row("Custom code", state="absent", note="a page that runs code is a door for strangers"),
        Row(
            "img2img's Sketch, Inpaint, Inpaint sketch, Inpaint upload",
            proof="runtime/browser/test_scripts.py::test_an_inpaint_sketch_is_picture_and_mask",
        ),
        Row(
            "Batch of img2img and Extras, from files or directories",
            state="differs",
            note="no directory of masks and no PNG info of other files; other computers may only name directories of "
            "`--gradio-allowed-path`, for a page that reads any folder is a door for strangers",
            proof="runtime/server/test_batch.py::test_other_computers_name_only_folders_that_the_flags_allow",
        ),
        Row(
            "Zip of a gallery",
            proof="runtime/server/test_gallery.py::test_the_archive_holds_every_picture_as_it_is",
        ),
        Row(
            "a picture of the gallery upscaled with hires fix",
            state="differs",
            note="all of its infotext counts, not its seed alone; the first pass is drawn again",
            proof="runtime/browser/test_scripts.py::test_a_drawn_picture_is_drawn_again_larger",
        ),
        Row(
            "Checkpoint Merger",
            state="absent",
            note="not written yet; a file that another program merged is drawn with like any other",
        ),
        Row(
            "Train",
            state="absent",
            note="Gesso draws; what kohya's and other trainers make is used",
        ),
        Row(
            "Extensions",
            state="absent",
            note="their code needs AUTOMATIC1111's own modules, so there is none to install or switch",
        ),
    ),
    "Environment variables": (
        Row(
            "`COMMANDLINE_ARGS`",
            state="differs",
            note="Windows paths keep their backslashes; unknown flags are warnings, not the end",
            proof="runtime/server/test_flags.py::test_the_environment_is_appended_and_wins",
        ),
        Row(
            "`CUDA_VISIBLE_DEVICES` and its like",
            note="the launcher chooses among the cards that they leave, and plans for that one",
        ),
        Row(
            "`GRADIO_*`, `HTTP_PROXY` and its like",
            note="read by Gradio and Python; the own address is kept off proxies",
            proof="runtime/server/test_flags.py::test_variables_count_where_the_flag_is_absent",
        ),
        Row("`SD_WEBUI_RESTARTING`", note="no browser is opened then"),
        Row("`SD_WEBUI_LOG_LEVEL`", state="absent", note="`--loglevel` says it"),
        Row(
            "`PYTHON`, `VENV_DIR`",
            note="as in webui-user: the Python of the environment, or one of your own, `-` too (docs/environments.md)",
        ),
        Row(
            "`INDEX_URL`, `TORCH_COMMAND`, `REQS_FILE`, `XFORMERS_PACKAGE`, `GIT`, `*_REPO` …",
            state="absent",
            note="they steer AUTOMATIC1111's installer; the launcher chooses and builds environments itself",
        ),
        Row("`HF_ENDPOINT`", state="absent", note="the runtime fetches nothing"),
        Row(
            "`IGNORE_CMD_ARGS_ERRORS`",
            note="unknown flags never end the start",
            proof="runtime/server/test_flags.py::test_an_unknown_flag_is_named_and_the_rest_goes_on",
        ),
    ),
    "Authentication": (
        Row(
            "`--api-auth`: HTTP Basic on the API",
            state="differs",
            note="on every route, with `WWW-Authenticate`; AUTOMATIC1111 leaves some open",
            proof="runtime/server/test_gate.py::test_the_api_behind_its_accounts",
        ),
        Row(
            "`--gradio-auth`, `--gradio-auth-path`",
            state="differs",
            note="they guard API, documents and files too, unless `--api-auth` is given, and are never open",
            proof="runtime/server/test_gate.py::test_a_file_adds_accounts",
        ),
        Row(
            "`--listen`, `--share` without accounts",
            state="differs",
            note="strong ones are made and shown once",
            proof="runtime/server/test_gate.py::test_nobody_is_reachable_without_credentials",
        ),
        Row(
            "settings of a server that others can reach",
            state="differs",
            note="those that shape pictures may be set, unknown ones are not stored; `--share`: model, VAE, clip skip",
            proof="runtime/server/test_settings.py::test_from_outside_only_pictures_are_shaped",
        ),
        Row(
            "`cmd-flags` shows `gradio_auth` and `api_auth`",
            state="differs",
            note="the keys are there, the secrets are blank",
            proof="runtime/server/test_internal.py::test_hints_and_sysinfo_tell_no_secret",
        ),
    ),
}

#: of samplers
SAMPLER_NOTES: dict[str, Row] = {}
#: of txt2img's and img2img's fields
FIELD_NOTES: dict[str, Row] = {
    "width": Row(
        "`width`", "differs", "left out: the model's native size, not 512; `parameters` tells the one that was drawn"
    ),
    "height": Row(
        "`height`", "differs", "left out: the model's native size, not 512; `parameters` tells the one that was drawn"
    ),
    "restore_faces": Row(
        "`restore_faces`", "differs", "no restorer's network is in Gesso: the picture passes unchanged"
    ),
    "override_settings": Row(
        "`override_settings`",
        "differs",
        "a value that its setting cannot take is refused with 400; folders are never a job's to set",
        "runtime/server/test_settings.py::test_a_job_sets_only_what_shapes_its_pictures",
    ),
    "override_settings_restore_afterwards": Row(
        "`override_settings_restore_afterwards`",
        "differs",
        "false: the settings and the model stay set once the job has ended well; not those that an `infotext` sets",
        "runtime/server/test_worker_trouble.py::test_what_a_job_sets_stays_set_where_it_says_so",
    ),
    "firstpass_image": Row("`firstpass_image`", "absent", "no client sends it; accepted and ignored"),
    "comments": Row("`comments`", "absent", "AUTOMATIC1111 ignores it too"),
    "denoising_strength": Row(
        "`denoising_strength`", "differs", "hires fix without it takes 0.75; AUTOMATIC1111 answers 500"
    ),
}
#: flags that AUTOMATIC1111 has not
OURS = frozenset(
    {"--no-api", "--events", "--localization", "--localization-none", "--linked-dir", "--allow-host", "--body-limit"}
    | {"--i-accept-unprotected-remote", "--local-auth"}
)
