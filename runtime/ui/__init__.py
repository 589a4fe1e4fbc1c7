"""The Gradio page: one file per tab; nothing else imports it."""
