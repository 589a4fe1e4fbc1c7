"""Logs of every encoding and shape give the lines that their reader is meant to see."""

import io
import tracemalloc
from pathlib import Path

import pytest

from launcher.core.diagnosis.diagnose import diagnose_file, diagnose_text
from launcher.core.diagnosis.reading import LONGEST, clean, lines_of, read_lines
from launcher.core.errors import LauncherError

TEXT = "第一行 loading\nfatal: 页面文件太小\nCUDA out of memory\n"


def lines(data: bytes) -> list[str]:
    return [line for batch in lines_of(io.BytesIO(data)) for line in batch]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("gbk"),
        TEXT.replace("\n", "\r\n").encode("gb18030"),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be-bom", "gbk", "gb18030-crlf"],
)
def test_every_encoding_gives_the_same_lines(data: bytes):
    assert [line.strip() for line in lines(data)] == ["第一行 loading", "fatal: 页面文件太小", "CUDA out of memory"]


def test_programs_of_two_encodings_in_one_log():
    data = "下载 UTF-8\n".encode() + "拒绝访问。\n".encode("gbk") + b"plain\n"
    assert lines(data) == ["下载 UTF-8", "拒绝访问。", "plain"]


def test_bytes_of_no_encoding_lose_no_line():
    assert len(lines(b"a\n\xff\xfe\xfa\x80\n\xc3\nb\n")) == 4


def test_colours_and_control_characters_are_gone_and_numbers_hold():
    said = clean("\x1b[31mRuntimeError\x1b[0m: \x1b]0;title\x07no\n\n\x00\x07bell\n│ boxed │\n")
    assert [line.strip() for line in said] == ["RuntimeError: no", "", "bell", "boxed"]


def test_a_progress_bar_is_one_line_with_what_was_printed_into_it():
    bar = "".join(f"\r {done}%|{'█' * (done // 10)}| {done}/100" for done in range(101))
    said = clean(f"start\n{bar}Traceback (most recent call last):\nend\n")
    assert len(said) == 3
    assert "Traceback (most recent call last):" in said[1]
    assert len(said[1]) < 200


def test_a_long_line_with_a_carriage_return_is_read_at_once():
    (digits,) = clean("1" * (1 << 20) + "\r" + "2" * (1 << 20))
    assert len(digits) <= LONGEST


def test_states_without_a_share_are_not_in_the_way_of_what_follows_them():
    bars = "".join(f"\r   {done / 10:.1f}/200.0 MB 12.1 MB/s eta 0:00:{done % 60:02}" for done in range(2000))
    (line,) = clean(f"{bars}\rOSError: [Errno 28] No space left on device\n")
    assert line.endswith("OSError: [Errno 28] No space left on device")
    assert len(line) < 200


def test_what_a_progress_bar_ends_with_stays_though_another_bar_follows():
    (line,) = clean(" 50%|##| 1/2\r 99%|##| RuntimeError: CUDA error\r 10%|#| 1/9\r 11%|#| 1/9\n")
    assert "RuntimeError: CUDA error" in line


def test_a_huge_line_is_one_line_with_its_beginning_and_its_end(tmp_path: Path):
    file = tmp_path / "huge.log"
    file.write_bytes("开始 ".encode() + "中".encode() * (2 << 20) + b" CUDA out of memory\nsecond\n")
    first, second = [line for batch in read_lines(file) for line in batch]
    assert first.startswith("开始")
    assert first.endswith("CUDA out of memory")
    assert second == "second"


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 100, b"\x89PNG\r\n\x1a\n" + b"\0" * 99, b"PK\x03\x04\x14\0\0\0" * 9]
)
def test_what_is_no_text_is_no_log(data: bytes):
    with pytest.raises(LauncherError) as caught:
        lines(data)
    assert caught.value.code == "not-a-log"


def test_what_a_power_cut_leaves_of_a_log_is_read():
    assert lines(b"CUDA out of memory\n" + b"\0" * 9000)[0] == "CUDA out of memory"


def test_one_endless_line_is_cut_and_memory_stays_small(tmp_path: Path):
    file = tmp_path / "endless.log"
    file.write_bytes(b"x" * (40 << 20) + b"\nCUDA error: an illegal memory access was encountered\n")
    tracemalloc.start()
    last = ""
    for batch in read_lines(file):
        assert max(map(len, batch)) <= LONGEST
        last = batch[-1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert last.startswith("CUDA error")
    assert peak < 16 << 20


def test_a_line_is_whole_where_the_file_is_read_in_pieces(tmp_path: Path):
    file = tmp_path / "long.log"
    file.write_text("".join(f"行 {number}\n" for number in range(200_000)), encoding="utf-8")
    assert [line for batch in read_lines(file) for line in batch] == [f"行 {number}" for number in range(200_000)]


def test_a_file_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(LauncherError) as caught:
        diagnose_file(tmp_path / "none.log")
    assert caught.value.code == "no-log"


def test_an_empty_log_is_no_problem():
    assert diagnose_text("") == ()
    assert diagnose_text("\n\n") == ()
