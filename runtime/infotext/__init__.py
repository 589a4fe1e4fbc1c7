"""Infotext: how a picture says what it was made with, in AUTOMATIC1111's grammar; written, parsed, and read from files.

`carriers` is imported by itself: it needs Pillow.
"""

from runtime.infotext.fields import OPTIONS, to_fields
from runtime.infotext.parsing import DEFAULTS, parameters, parse_infotext, with_defaults
from runtime.infotext.writing import KEY_ORDER, LAST_KEYS, VERSION, quoted, write_infotext

__all__ = [
    "DEFAULTS",
    "KEY_ORDER",
    "LAST_KEYS",
    "OPTIONS",
    "VERSION",
    "parameters",
    "parse_infotext",
    "quoted",
    "to_fields",
    "with_defaults",
    "write_infotext",
]
