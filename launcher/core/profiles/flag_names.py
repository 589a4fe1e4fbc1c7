"""The names of the runtime's flags, so that an abbreviation is known for the flag that it means."""

from __future__ import annotations

from collections.abc import Sequence

_NAMES = """
    add-stop-route administrator allow-code allow-host always-batch-cond-uncond api api-auth api-log
    api-server-stop autolaunch body-limit bsrgan-models-path ckpt ckpt-dir clip-models-path
    codeformer-models-path compile config cors-allow-origins cors-allow-origins-regex dat-models-path data-dir
    deepdanbooru device-id disable-all-extensions disable-console-progressbars disable-extra-extensions
    disable-model-loading-ram-optimization disable-nan-check disable-opt-split-attention disable-safe-unpickle
    disable-tls-verify do-not-download-clip dump-sysinfo embeddings-dir enable-console-prompts
    enable-insecure-extension-access esrgan-models-path events exit filenames-max-length force-enable-xformers
    fp16-accumulation fp8-storage freeze-settings freeze-settings-in-sections freeze-specific-settings
    gfpgan-dir gfpgan-model gfpgan-models-path gradio-allowed-path gradio-auth gradio-auth-path gradio-debug
    gradio-img2img-tool gradio-inpaint-tool gradio-queue hide-ui-dir-config hypernetwork-dir
    i-accept-unprotected-remote ldsr-models-path linked-dir listen local-auth localization localization-none
    localizations-dir log-startup loglevel lora-dir lowram lowvram lyco-dir-backcompat max-batch-count medvram
    medvram-sdxl models-dir ngrok ngrok-options ngrok-region no-api no-download-sd-model no-gradio-queue no-half
    no-half-vae no-hashing no-progressbar-hiding no-prompt-history no-tests nowebui opt-channelslast
    opt-sdp-attention opt-sdp-no-mem-attention opt-split-attention opt-split-attention-invokeai
    opt-split-attention-v1 opt-sub-quad-attention port precision realesrgan-models-path reinstall-torch
    reinstall-xformers scunet-models-path server-name share show-negative-prompt skip-install
    skip-load-model-at-start skip-prepare-environment skip-python-version-check skip-torch-cuda-test
    skip-version-check styles-file sub-quad-chunk-threshold sub-quad-kv-chunk-size sub-quad-q-chunk-size subpath
    swinir-models-path test-server tests textual-inversion-templates-dir theme timeout-keep-alive tls-certfile
    tls-keyfile ui-config-file ui-debug-mode ui-settings-file unix-filenames-sanitization unload-gfpgan
    upcast-sampling update-all-extensions update-check use-cpu use-ipex use-textbox-seed vae-dir vae-path
    xformers xformers-flash-attention
"""
#: all that the runtime knows, without their two dashes
NAMES = frozenset(_NAMES.split())


def in_full(words: Sequence[str]) -> tuple[str, ...]:
    """`words` with every abbreviated flag written out, as the runtime understands it: the only one that begins so."""
    return tuple(_in_full(word) for word in words)


def _in_full(word: str) -> str:
    given, equals, value = word.partition("=")
    if not given.startswith("--") or given == "--" or given[2:] in NAMES:
        return word
    meant = [name for name in NAMES if name.startswith(given[2:])]
    return f"--{meant[0]}{equals}{value}" if len(meant) == 1 else word
