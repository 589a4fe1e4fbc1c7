"""What AUTOMATIC1111's API offers and what Gesso makes of it, route by route."""

from __future__ import annotations

from tools.compatibility.rows import Row

#: (method, path) of AUTOMATIC1111's API; what is said of those that differ
ENDPOINTS: dict[tuple[str, str], Row] = {
    ("POST", "/sdapi/v1/txt2img"): Row("POST /sdapi/v1/txt2img"),
    ("POST", "/sdapi/v1/img2img"): Row("POST /sdapi/v1/img2img"),
    ("POST", "/sdapi/v1/extra-single-image"): Row("POST /sdapi/v1/extra-single-image"),
    ("POST", "/sdapi/v1/extra-batch-images"): Row("POST /sdapi/v1/extra-batch-images"),
    ("POST", "/sdapi/v1/png-info"): Row("POST /sdapi/v1/png-info"),
    ("GET", "/sdapi/v1/progress"): Row("GET /sdapi/v1/progress"),
    ("POST", "/sdapi/v1/interrogate"): Row(
        "POST /sdapi/v1/interrogate", "differs", '404 "Model not found": there is no interrogator\'s model in Gesso'
    ),
    ("POST", "/sdapi/v1/interrupt"): Row(
        "POST /sdapi/v1/interrupt",
        note="a drawing process that stays silent for ten minutes after it, or for one after a second interrupt, is "
        "ended and a new one started; the job then answers 500",
        proof="runtime/server/test_jobs.py::test_a_worker_that_heeds_no_interrupt_is_replaced_and_the_next_job_draws",
    ),
    ("POST", "/sdapi/v1/skip"): Row("POST /sdapi/v1/skip"),
    ("GET", "/sdapi/v1/options"): Row("GET /sdapi/v1/options"),
    ("POST", "/sdapi/v1/options"): Row(
        "POST /sdapi/v1/options",
        "differs",
        "a value that its setting cannot take is refused with 400 and nothing of the request is stored; unknown names "
        "are stored",
        "runtime/server/test_settings.py::test_both_doors_refuse_what_a_setting_cannot_be_and_store_nothing",
    ),
    ("GET", "/sdapi/v1/cmd-flags"): Row("GET /sdapi/v1/cmd-flags"),
    ("GET", "/sdapi/v1/samplers"): Row("GET /sdapi/v1/samplers"),
    ("GET", "/sdapi/v1/schedulers"): Row("GET /sdapi/v1/schedulers"),
    ("GET", "/sdapi/v1/upscalers"): Row("GET /sdapi/v1/upscalers"),
    ("GET", "/sdapi/v1/latent-upscale-modes"): Row("GET /sdapi/v1/latent-upscale-modes"),
    ("GET", "/sdapi/v1/sd-models"): Row("GET /sdapi/v1/sd-models"),
    ("GET", "/sdapi/v1/sd-vae"): Row("GET /sdapi/v1/sd-vae"),
    ("GET", "/sdapi/v1/hypernetworks"): Row("GET /sdapi/v1/hypernetworks"),
    ("GET", "/sdapi/v1/face-restorers"): Row("GET /sdapi/v1/face-restorers", "works", "an empty list: there are none"),
    ("GET", "/sdapi/v1/realesrgan-models"): Row("GET /sdapi/v1/realesrgan-models"),
    ("GET", "/sdapi/v1/prompt-styles"): Row("GET /sdapi/v1/prompt-styles"),
    ("GET", "/sdapi/v1/embeddings"): Row("GET /sdapi/v1/embeddings"),
    ("GET", "/sdapi/v1/scripts"): Row("GET /sdapi/v1/scripts"),
    ("GET", "/sdapi/v1/script-info"): Row("GET /sdapi/v1/script-info"),
    ("GET", "/sdapi/v1/memory"): Row(
        "GET /sdapi/v1/memory",
        note="`ram` is the server's, `cuda` the drawing process's as of its last word; never run on a card",
        proof="runtime/engine/test_gauge.py::test_the_cards_memory_goes_with_every_word",
    ),
    ("GET", "/sdapi/v1/loras"): Row("GET /sdapi/v1/loras"),
    ("POST", "/sdapi/v1/refresh-loras"): Row("POST /sdapi/v1/refresh-loras"),
    ("POST", "/sdapi/v1/refresh-checkpoints"): Row("POST /sdapi/v1/refresh-checkpoints"),
    ("POST", "/sdapi/v1/refresh-vae"): Row("POST /sdapi/v1/refresh-vae"),
    ("POST", "/sdapi/v1/refresh-embeddings"): Row("POST /sdapi/v1/refresh-embeddings"),
    ("POST", "/sdapi/v1/unload-checkpoint"): Row("POST /sdapi/v1/unload-checkpoint"),
    ("POST", "/sdapi/v1/reload-checkpoint"): Row("POST /sdapi/v1/reload-checkpoint"),
    ("POST", "/sdapi/v1/create/embedding"): Row(
        "POST /sdapi/v1/create/embedding", "differs", "answers that there is no training"
    ),
    ("POST", "/sdapi/v1/create/hypernetwork"): Row(
        "POST /sdapi/v1/create/hypernetwork", "differs", "answers that there is no training"
    ),
    ("POST", "/sdapi/v1/train/embedding"): Row(
        "POST /sdapi/v1/train/embedding", "differs", "answers that there is no training"
    ),
    ("POST", "/sdapi/v1/train/hypernetwork"): Row(
        "POST /sdapi/v1/train/hypernetwork", "differs", "answers that there is no training"
    ),
    ("GET", "/sdapi/v1/extensions"): Row("GET /sdapi/v1/extensions", "works", "an empty list: there are none"),
    ("POST", "/sdapi/v1/server-kill"): Row(
        "POST /sdapi/v1/server-kill", "works", "with --api-server-stop, never for other computers"
    ),
    ("POST", "/sdapi/v1/server-restart"): Row(
        "POST /sdapi/v1/server-restart", "works", "with --api-server-stop, never for other computers"
    ),
    ("POST", "/sdapi/v1/server-stop"): Row(
        "POST /sdapi/v1/server-stop", "works", "with --api-server-stop, never for other computers"
    ),
    ("GET", "/internal/ping"): Row("GET /internal/ping"),
    ("POST", "/internal/progress"): Row("POST /internal/progress"),
    ("GET", "/internal/pending-tasks"): Row("GET /internal/pending-tasks"),
    ("GET", "/internal/quicksettings-hint"): Row("GET /internal/quicksettings-hint"),
    ("GET", "/internal/sysinfo"): Row("GET /internal/sysinfo"),
    ("GET", "/docs"): Row("GET /docs"),
    ("GET", "/openapi.json"): Row(
        "GET /openapi.json", proof="runtime/server/test_published.py::test_every_route_answers_as_the_schema_says"
    ),
}
