"""Infotext, written and read."""

import pytest

from runtime.infotext import VERSION, parse_infotext, write_infotext

ITEMS = {"Version": VERSION, "Extra": "a, b", "Seed": 5, "Steps": 20, "Sampler": "Euler a", "Tiling": True, "VAE": None}


def test_order_quotes_and_absence():
    line = 'Steps: 20, Sampler: Euler a, Seed: 5, Tiling: True, Extra: "a, b", Version: gesso-0.1.0'
    assert write_infotext("cat", "dog", ITEMS) == f"cat\nNegative prompt: dog\n{line}"
    assert write_infotext("", "", ITEMS) == line
    assert write_infotext("", "dog", ITEMS).startswith("Negative prompt: dog\n")


def test_version_is_no_number():
    assert not VERSION[0].isdigit()


@pytest.mark.parametrize(
    ("prompt", "negative"),
    [
        ("a cat", ""),
        ("line\nline two", "bad\nworse"),
        ("", "only negative"),
        ("中文，提示", "坏"),
        ("Steps: 20 cats", ""),
    ],
)
def test_round_trip(prompt, negative):
    found = parse_infotext(write_infotext(prompt, negative, ITEMS))
    assert (found["Prompt"], found["Negative prompt"]) == (prompt, negative)
    assert (found["Steps"], found["Sampler"], found["Extra"]) == ("20", "Euler a", "a, b")


def test_sizes_are_split_and_quotes_undone():
    found = parse_infotext('cat\nSteps: 20, Size: 512x768, Note: "x: \\"y\\"", Bad: "\\q", Empty: , Last: 1')
    assert (found["Size-1"], found["Size-2"], found["Note"]) == ("512", "768", 'x: "y"')
    assert (found["Bad"], found["Last"]) == ('"\\q"', "1")
    assert "Empty" not in found


def test_fewer_than_three_items_are_prompt():
    assert parse_infotext("a cat\nSteps: 20, Seed: 5") == {"Prompt": "a cat\nSteps: 20, Seed: 5", "Negative prompt": ""}
