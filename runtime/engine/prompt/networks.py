"""Tags that ask for extra networks: `<lora:NAME:weight>` and its like."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HEAD = re.compile(r"(\w+):")


@dataclass(frozen=True)
class NetworkTag:
    """`<kind:item:item:key=value>`: what stands between its colons, in order or by name."""

    kind: str
    items: tuple[str, ...]
    named: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As a prompt says it."""
        return f"<{':'.join((self.kind, *self.items, *(f'{key}={value}' for key, value in self.named.items())))}>"


def take_networks(prompt: str) -> tuple[str, tuple[NetworkTag, ...]]:
    """The prompt without its tags, and the tags in order; whatever word stands before the first colon, known or not."""
    kept: list[str] = []
    tags: list[NetworkTag] = []
    done = at = 0
    while (at := prompt.find("<", at)) >= 0:
        end = prompt.find(">", at)
        if end < 0:
            break
        head = _HEAD.match(prompt, at + 1, end)
        if head is None or head.end() == end:
            at += 1
            continue
        kept.append(prompt[done:at])
        tags.append(_tag(head[1], prompt[head.end() : end]))
        done = at = end + 1
    return "".join(kept) + prompt[done:], tuple(tags)


def _tag(kind: str, arguments: str) -> NetworkTag:
    items: list[str] = []
    named: dict[str, str] = {}
    for argument in arguments.split(":"):
        key, equals, value = argument.partition("=")
        if equals:
            named[key] = value
        else:
            items.append(argument)
    return NetworkTag(kind, tuple(items), named)
