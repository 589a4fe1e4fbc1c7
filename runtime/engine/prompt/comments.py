"""Comments in a prompt: everything from a `#` to the end of its line."""

from __future__ import annotations


def without_comments(prompt: str) -> str:
    """The prompt without its comments; a line that is nothing but a comment goes with its line break."""
    if "#" not in prompt:
        return prompt
    lines = (line for line in prompt.split("\n") if not line.startswith("#"))
    return "\n".join(line.split("#", 1)[0] for line in lines).strip()
