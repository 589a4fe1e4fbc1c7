"""A small key without words: assets/page/page.css draws its picture, hints.js says what it does."""

from __future__ import annotations

import gradio as gr


def tool(element: str, visible: bool = True) -> gr.Button:
    """`element` is the id by which both know it."""
    return gr.Button("", size="sm", min_width=42, scale=0, elem_id=element, elem_classes=["tool"], visible=visible)
