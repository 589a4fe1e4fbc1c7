"""The usual shape of such a program, as a peer for the start: page and drawing in one process, page first.

    python -m benchmarks.one_process CHECKPOINT CONFIG PORT

Says "ready" on standard output once the checkpoint is loaded, with the page long there.
"""

from __future__ import annotations

import sys
from typing import Any

import gradio as gr
from diffusers import StableDiffusionPipeline


def main() -> None:
    checkpoint, config, port = sys.argv[1:]
    pipeline: Any = None
    with gr.Blocks(analytics_enabled=False) as page:
        prompt, picture = gr.Textbox(label="Prompt"), gr.Image()
        gr.Button("Generate").click(lambda text: pipeline(text).images[0], prompt, picture)
    page.launch(server_name="127.0.0.1", server_port=int(port), prevent_thread_lock=True, quiet=True)
    pipeline = StableDiffusionPipeline.from_single_file(checkpoint, config=config, local_files_only=True)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
