"""styles.csv read, merged, found again and saved as AUTOMATIC1111 has it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.flags import read_flags
from runtime.request import RequestError
from runtime.stock import Stock
from runtime.styles import Style, StyleBook, style_files

TABLE = '''\ufeffname,prompt,negative_prompt
# cinematic ones,,
film,"film still, {prompt}, grain",cartoon
bright,"bright, ""vivid""",
no,,"blurry, dark"
红,"红色, red",
'''


@pytest.fixture
def book(tmp_path):
    (tmp_path / "styles.csv").write_text(TABLE, encoding="utf-8")
    return StyleBook([tmp_path / "styles.csv"])


def test_styles_are_read(book):
    assert book.styles() == (
        Style("film", "film still, {prompt}, grain", "cartoon"),
        Style("bright", 'bright, "vivid"', ""),
        Style("no", "", "blurry, dark"),
        Style("红", "红色, red", ""),
    )


def test_the_older_column_is_read(tmp_path):
    (tmp_path / "styles.csv").write_text("name,text\nold,a text\nshort\n", encoding="utf-8")
    assert StyleBook([tmp_path / "styles.csv"]).styles() == (Style("old", "a text"), Style("short"))


@pytest.mark.parametrize(
    ("names", "merged"),
    [
        ([], (" a cat ", "")),
        (["bright"], ('a cat, bright, "vivid"', "")),
        (["film"], ("film still,  a cat , grain", "cartoon")),
        (["film", "no"], ("film still,  a cat , grain", "cartoon, blurry, dark")),
        (["no", "film"], ("film still, a cat, grain", "blurry, dark, cartoon")),
        (["None", "unknown"], (" a cat ", "")),
    ],
)
def test_styles_join_in_order(book, names, merged):
    assert book.merged(" a cat ", "", names) == merged


def test_an_empty_side_brings_no_comma(book):
    assert book.merged("", "", ["bright"]) == ('bright, "vivid"', "")


@pytest.mark.parametrize("names", [(), ("bright",), ("film",), ("no",), ("bright", "film"), ("film", "bright", "红")])
def test_styles_are_found_again(book, names):
    prompt, negative = book.merged("a cat", "ugly", names)
    assert book.found_in(prompt, negative) == (names, "a cat", "ugly")


def test_half_a_style_is_not_found(book):
    assert book.found_in("film still, a cat, grain", "ugly") == ((), "film still, a cat, grain", "ugly")


def test_a_saved_style_is_read_again_and_the_old_file_kept(book, tmp_path):
    book.save(Style("new", 'one,\n"two"', "三"))
    book.save(Style("film", "other", ""))
    assert book.styles()[0] == Style("film", "other", "")
    assert book.styles()[-1] == Style("new", 'one,\n"two"', "三")
    data = (tmp_path / "styles.csv").read_bytes()
    assert data.startswith("\ufeffname,prompt,negative_prompt\r\n# cinematic ones,,\r\nfilm,other,\r\n".encode())
    assert "new" in (tmp_path / "styles.csv.bak").read_text(encoding="utf-8-sig")
    assert "other" not in (tmp_path / "styles.csv.bak").read_text(encoding="utf-8-sig")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".styles.csv.lock", "styles.csv", "styles.csv.bak"]


def test_the_first_style_makes_the_file(tmp_path):
    book = StyleBook([tmp_path / "data" / "styles.csv"])
    assert book.styles() == ()
    book.save(Style("new", "text"))
    assert book.styles() == (Style("new", "text"),)
    assert not (tmp_path / "data" / "styles.csv.bak").exists()


def test_a_style_is_deleted(book):
    book.delete("bright")
    book.delete("unknown")
    assert [style.name for style in book.styles()] == ["film", "no", "红"]


@pytest.mark.parametrize("name", ["", "  ", "# x"])
def test_a_name_that_cannot_be_is_refused(book, name):
    with pytest.raises(RequestError, match="name"):
        book.save(Style(name, "x"))


def test_several_files_have_dividers_and_keep_their_styles(tmp_path):
    for name, style in (("b", "two"), ("a", "one")):
        (tmp_path / f"{name}.csv").write_text(f"name,prompt,negative_prompt\n{style},text {style},\n", encoding="utf-8")
    book = StyleBook([tmp_path / "*.csv"])
    divider = Style("-------- A --------", None, None)
    assert book.styles()[:2] == (divider, Style("one", "text one"))
    assert book.styles()[2:] == (Style("-------- B --------", None, None), Style("two", "text two"))
    assert book.merged("a cat", "", [divider.name, "two"]) == ("a cat, text two", "")
    assert book.found_in("a cat, text two", "") == (("two",), "a cat", "")
    book.save(Style("two", "changed"))
    assert "changed" in (tmp_path / "b.csv").read_text(encoding="utf-8-sig")


def test_the_flag_names_files(tmp_path):
    assert style_files(None, tmp_path) == (tmp_path / "styles.csv",)
    assert style_files(["mine-*.csv", "/else/x.csv"], tmp_path) == (tmp_path / "mine-*.csv", Path("/else/x.csv"))


def test_a_file_that_is_no_utf8_is_no_ones_loss(tmp_path):
    path = tmp_path / "styles.csv"
    path.write_bytes("name,prompt,negative_prompt\n红,红色,\n".encode("gb18030"))
    book = StyleBook([path])
    assert book.styles() == ()
    with pytest.raises(RequestError) as refused:
        book.save(Style("new", "text"))
    assert refused.value.code == "styles-unreadable"
    assert path.read_bytes().startswith(b"name,prompt")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20), st.text("ab, {}prompt", max_size=20))
@settings(deadline=None)
def test_any_text_survives_a_style(tmp_path_factory, prompt, text):
    """Where both are found again, applying them once more gives the same prompt."""
    book = StyleBook([tmp_path_factory.mktemp("styles") / "styles.csv"])
    book.save(Style("one", text))
    merged = book.merged(prompt, "", ["one"])[0]
    names, rest, negative = book.found_in(merged, "")
    assert book.merged(rest, negative, names)[0] == merged


def test_the_stock_knows_the_styles_of_the_flags(tmp_path):
    (tmp_path / "mine.csv").write_text(TABLE, encoding="utf-8")
    stock = Stock(read_flags(["--data-dir", str(tmp_path), "--styles-file", "mine.csv"], {}))
    assert stock.with_styles("a cat", "", ["None", "film"]) == ("film still, a cat, grain", "cartoon")
    assert stock.styles()[2] == {"name": "no", "prompt": "", "negative_prompt": "blurry, dark"}
