"""How the page looks: colours, and fonts that the computer already has."""

from __future__ import annotations

import gradio as gr

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Noto Sans CJK SC", "Microsoft YaHei", "sans-serif")
_FONTS_MONO = ("ui-monospace", "Cascadia Mono", "Consolas", "Menlo", "monospace")


def page_theme() -> gr.themes.Base:
    """No font is fetched from anywhere."""
    return gr.themes.Default(
        primary_hue=gr.themes.colors.amber,
        secondary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        font=_FONTS,
        font_mono=_FONTS_MONO,
    ).set(
        button_primary_background_fill="*primary_500",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover="*primary_400",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="*neutral_950",
        button_primary_text_color_dark="white",
        slider_color="*primary_500",
        # small print on white needs the darker grey to be read
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
    )
