"""`python -m runtime --help`: every flag is told, and nothing is started."""

import pytest

from runtime import __main__
from runtime.flag_table import FLAGS


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_names_every_flag_and_starts_nothing(word, capsys, tmp_path):
    folder = tmp_path / "data"
    assert __main__.main([word, "--data-dir", str(folder)]) == 0
    written = capsys.readouterr().out
    assert written.isascii()
    lines = written.splitlines()
    for flag in FLAGS:
        if flag.effect == "accepted":
            assert flag.name in written
        else:
            place = next(n for n, line in enumerate(lines) if line.split()[:1] == [flag.name])
            assert flag.help.replace("…", "...") in lines[place + 1]
    assert not folder.exists()
