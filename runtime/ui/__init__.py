"""The Gradio page: one file per tab; nothing else imports it."""

from runtime.ui.lean_import import import_gradio

# before any of the tabs asks for it
import_gradio()
