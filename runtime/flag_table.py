"""Every flag that AUTOMATIC1111 ever had, as data: its shape, its default, and what it does here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["switch", "switch-off", "text", "int", "words", "repeat"]
#: what a flag does here: `works`, `worker` (works, in the drawing process), or `accepted` (does nothing yet)
Effect = Literal["works", "worker", "accepted"]


@dataclass(frozen=True)
class Flag:
    """One flag. `words` eats every following word up to the next flag, `repeat` may be given several times."""

    name: str
    shape: Shape
    effect: Effect
    help: str
    default: str | int | None = None

    @property
    def key(self) -> str:
        """The name as /cmd-flags lists it."""
        return self.name.lstrip("-").replace("-", "_")


def _flags(shape: Shape, effect: Effect, **named: str) -> tuple[Flag, ...]:
    return tuple(Flag("--" + name.replace("_", "-"), shape, effect, text) for name, text in named.items())


NETWORK = (
    Flag("--port", "int", "works", "port to serve on; none given: the first free one from 7860 (API only: 7861)"),
    Flag("--server-name", "text", "works", "address to bind; wins over --listen"),
    *_flags(
        "switch",
        "works",
        listen="bind every interface; without credentials, strong ones are made and said once",
        share="open a public tunnel through Gradio; without credentials, strong ones are made and said once",
        autolaunch="open the browser once the page answers",
        nowebui="the API alone, without the page",
        api="serve /sdapi/v1 (on unless --no-api)",
        no_api="do not serve /sdapi/v1",
        api_log="one line on standard error per API request",
        events="write event lines for the launcher on standard output",
        freeze_settings="settings cannot be changed, neither by the page nor by the API",
        hide_ui_dir_config="output folders are not shown in the settings and stay as they are",
        api_server_stop="routes that end the server: server-kill, server-restart, server-stop",
        localization_none="never translate the page",
        local_auth="ask for a name with a password on this computer too; where there are none, strong ones are made",
        i_accept_unprotected_remote="with --listen, --allow-host or --share: ask for no password; anybody may come in",
    ),
    *_flags(
        "text",
        "works",
        theme="light or dark; otherwise the browser decides",
        localization="the page's language: the name of a localization; otherwise the setting decides",
        freeze_settings_in_sections="sections of the settings, comma separated, that cannot be changed",
        freeze_specific_settings="settings, comma separated, that cannot be changed",
        gradio_auth="name:password[,name:password] for the page, and for the API unless --api-auth is given",
        gradio_auth_path="file with the same, one or more lines; adds to --gradio-auth",
        api_auth="name:password[,name:password] for the API (HTTP Basic) instead",
        cors_allow_origins="origins, comma separated, whose pages may call this server",
        cors_allow_origins_regex="the same as a regular expression",
        tls_keyfile="key for HTTPS; needs --tls-certfile too",
        tls_certfile="certificate for HTTPS; needs --tls-keyfile too",
    ),
    Flag("--subpath", "text", "works", "root path when behind a reverse proxy that strips it"),
    Flag(
        "--allow-host",
        "repeat",
        "works",
        "a further name that this server goes by, as behind a reverse proxy; what holds for --listen holds then",
    ),
    Flag("--body-limit", "int", "works", "megabytes that one request may bring", 64),
    Flag("--timeout-keep-alive", "int", "works", "seconds that an idle connection stays open", 30),
    *_flags(
        "text",
        "accepted",
        ngrok="ngrok's client is not part of Gesso; --share opens a tunnel",
        ngrok_options="see --ngrok",
        ngrok_region="see --ngrok",
    ),
    Flag(
        "--disable-tls-verify", "switch-off", "accepted", "the runtime fetches nothing, so there is nothing to verify"
    ),
    *_flags(
        "switch",
        "accepted",
        gradio_debug="errors of the page are in the log as it is",
        gradio_queue="the queue is always on",
        no_gradio_queue="the queue is always on",
        enable_insecure_extension_access="there are no extensions yet",
        allow_code="there is no script that runs code",
        administrator="a mark without effect",
        add_stop_route="use --api-server-stop",
    ),
)

PATHS = (
    *_flags(
        "text",
        "works",
        data_dir="base of models, outputs, settings and caches",
        models_dir="replaces DATA/models",
        ui_settings_file="settings file; otherwise DATA/config.json",
        ui_config_file="defaults of the page's controls; otherwise DATA/ui-config.json",
        localizations_dir="folder of localization files; otherwise DATA/localizations",
    ),
    *_flags(
        "text",
        "worker",
        ckpt="this checkpoint is listed and becomes the selected one",
        ckpt_dir="a further folder of checkpoints",
        vae_path="force this VAE",
        vae_dir="a further folder of VAEs",
        lora_dir="folder of LoRAs",
        lyco_dir_backcompat="second folder of LoRAs",
        embeddings_dir="folder of textual inversions",
        hypernetwork_dir="folder of hypernetworks",
        esrgan_models_path="folder of ESRGAN models",
        bsrgan_models_path="folder of BSRGAN models",
        realesrgan_models_path="folder of RealESRGAN models",
        dat_models_path="folder of DAT models",
        swinir_models_path="folder of SwinIR models",
        scunet_models_path="folder of ScuNET models",
    ),
    *_flags(
        "text",
        "accepted",
        config="the configuration is read from the checkpoint's tensors",
        textual_inversion_templates_dir="there is no training",
        gfpgan_dir="there is no GFPGAN",
        gfpgan_model="there is no GFPGAN",
        codeformer_models_path="there is no CodeFormer",
        gfpgan_models_path="there is no GFPGAN",
        ldsr_models_path="there is no LDSR",
        clip_models_path="there is no interrogator",
        tests="AUTOMATIC1111's tests of itself",
    ),
    *_flags(
        "repeat",
        "works",
        styles_file="file of styles, * and ? allowed; otherwise DATA/styles.csv",
        gradio_allowed_path="a further folder whose files the page may show",
    ),
    Flag(
        "--linked-dir",
        "repeat",
        "worker",
        "KIND=FOLDER: a further folder of a kind, KIND being A1111's name of its folder (Lora, VAE, embeddings …)",
    ),
    Flag("--filenames-max-length", "int", "worker", "longest part of an output file's name", 128),
    *_flags(
        "switch",
        "worker",
        unix_filenames_sanitization="only / is replaced in file names",
        no_prompt_history="do not write params.txt",
    ),
    *_flags("switch", "accepted", no_tests="AUTOMATIC1111's tests of itself"),
)

ENGINE = (
    Flag("--precision", "text", "worker", "full (float32), half or autocast", "autocast"),
    Flag("--device-id", "text", "worker", "index of the GPU, counted after CUDA_VISIBLE_DEVICES"),
    Flag("--use-cpu", "words", "worker", "modules that run on the CPU: all, sd, …"),
    *_flags(
        "switch",
        "worker",
        no_half="everything in float32",
        no_half_vae="the VAE in float32",
        upcast_sampling="is always so: float32 latents with float16 weights",
        medvram="text encoder, U-Net and VAE take turns on the GPU",
        lowvram="the least GPU memory; wins over --medvram",
        medvram_sdxl="--medvram for SDXL only",
        always_batch_cond_uncond="prompt and negative prompt in one batch unless memory runs out while drawing",
        opt_channelslast="channels-last memory format",
        disable_nan_check="do not look for NaN in what the U-Net and the VAE return",
        xformers="xformers attention where it is installed",
        force_enable_xformers="implies --xformers",
        opt_split_attention="sliced attention",
        opt_split_attention_v1="sliced attention, smaller slices",
        opt_split_attention_invokeai="sliced attention",
        opt_sub_quad_attention="sub-quadratic attention",
        opt_sdp_attention="torch's own attention",
        opt_sdp_no_mem_attention="torch's own attention, deterministic",
        disable_opt_split_attention="plain attention; beats the other attention flags",
        use_ipex="Intel GPU",
        no_hashing="no sha256 of checkpoints",
        compile="NVIDIA, with Triton: compile the U-Net; the first picture of each size waits for it. Gain unmeasured",
        fp16_accumulation="NVIDIA: sums in float16; faster on GeForce, other digits. Gain unmeasured",
        fp8_storage="NVIDIA: the U-Net's weights in eight bits; half the memory, another picture. Gain unmeasured",
    ),
    Flag("--sub-quad-q-chunk-size", "int", "worker", "chunk size of sub-quadratic attention", 1024),
    Flag("--sub-quad-kv-chunk-size", "int", "worker", "chunk size of sub-quadratic attention"),
    Flag("--sub-quad-chunk-threshold", "int", "worker", "percentage of memory from which chunks are used"),
    *_flags(
        "switch",
        "works",
        skip_load_model_at_start="load the model with the first picture",
        ui_debug_mode="the page without a model",
    ),
    *_flags(
        "switch",
        "accepted",
        lowram="a checkpoint is read tensor by tensor as it is",
        disable_model_loading_ram_optimization="is always off",
        disable_safe_unpickle="pickles are never run",
        xformers_flash_attention="xformers chooses its kernels itself",
    ),
)

SETUP = (
    Flag("-f", "switch", "accepted", "allow root (a shell wrapper's flag)"),
    *_flags("text", "works", loglevel="CRITICAL … DEBUG"),
    *_flags(
        "switch",
        "accepted",
        skip_torch_cuda_test="the launcher looks at the GPU",
        skip_python_version_check="the launcher checks Python",
        skip_version_check="the launcher checks versions",
        reinstall_torch="use `gesso install`",
        reinstall_xformers="use `gesso install`",
        update_check="updates are the launcher's business",
        update_all_extensions="there are no extensions yet",
        skip_install="the runtime installs nothing",
        skip_prepare_environment="the runtime prepares nothing",
        exit="the runtime prepares nothing",
        test_server="AUTOMATIC1111's tests of itself",
        dump_sysinfo="GET /internal/sysinfo tells it",
        log_startup="--events tells the phases of the start",
        do_not_download_clip="nothing is fetched",
        no_download_sd_model="nothing is fetched",
        disable_all_extensions="there are no extensions yet",
        disable_extra_extensions="there are no extensions yet",
    ),
)

LOOKS = (
    *_flags(
        "switch",
        "accepted",
        use_textbox_seed="the seed is a number field",
        no_progressbar_hiding="the bar is always shown",
        disable_console_progressbars="there are none",
        enable_console_prompts="prompts are not printed",
        show_negative_prompt="is always shown",
        unload_gfpgan="there is no GFPGAN",
        deepdanbooru="there is no tagger",
    ),
    *_flags(
        "text", "accepted", gradio_img2img_tool="the page has one tool", gradio_inpaint_tool="the page has one tool"
    ),
    Flag("--max-batch-count", "int", "accepted", "largest batch count of the page", 16),
)

FLAGS: tuple[Flag, ...] = (*NETWORK, *PATHS, *ENGINE, *SETUP, *LOOKS)
BY_NAME = {flag.name: flag for flag in FLAGS}
