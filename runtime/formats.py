"""Which files are opened as pictures at all: each further format is code that strangers' files would reach."""

from __future__ import annotations

PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def open_no_others() -> None:
    """In this process, whoever opens one: Gradio names no formats, and Pillow knows forty, some by other programs."""
    from PIL import Image

    Image.init()
    Image.ID[:] = [name for name in Image.ID if name in PICTURES]
    for name in Image.OPEN.keys() - set(PICTURES):
        del Image.OPEN[name]
