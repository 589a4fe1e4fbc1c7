"""Start scripts of old installs, as people really write them: read, never run."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.profiles.run_profiles import RunProfile
from launcher.core.profiles.webui_user import WebuiUser, read_webui_user


def sh(folder: Path, text: str | bytes) -> WebuiUser:
    return written(folder, "webui-user.sh", text)


def bat(folder: Path, text: str | bytes) -> WebuiUser:
    return written(folder, "webui-user.bat", text)


def written(folder: Path, name: str, text: str | bytes) -> WebuiUser:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_webui_user(folder / name)


SHIPPED_SH = """#!/bin/bash
#########################################################
# Uncomment and change the variables below to your need:#
#########################################################

# Install directory without trailing slash
#install_dir="/home/$(whoami)"

# Commandline arguments for webui.py, for example: export COMMANDLINE_ARGS="--medvram --opt-split-attention"
#export COMMANDLINE_ARGS=""

# python3 executable
#python_cmd="python3"
#export TORCH_COMMAND="pip install torch==1.12.1+cu113"

# Uncomment to enable accelerated launch
#export ACCELERATE="True"

###########################################
"""
SHIPPED_BAT = (
    "@echo off\r\n\r\nset PYTHON=\r\nset GIT=\r\nset VENV_DIR=\r\nset COMMANDLINE_ARGS=\r\n\r\ncall webui.bat\r\n"
)


@pytest.mark.parametrize(("name", "text"), [("webui-user.sh", SHIPPED_SH), ("webui-user.bat", SHIPPED_BAT)])
def test_as_it_was_shipped_it_says_nothing(tmp_path: Path, name: str, text: str) -> None:
    assert written(tmp_path, name, text) == WebuiUser((tmp_path / name,), RunProfile())


def test_a_batch_file_of_a_windows_user(tmp_path: Path) -> None:
    found = bat(
        tmp_path,
        "@echo off\r\n"
        "rem 我的设置\r\n"
        "set PYTHON=D:\\Python310\\python.exe\r\n"
        "set GIT=\r\n"
        'set "VENV_DIR=D:\\sd venv"\r\n'
        ":: the old line: set COMMANDLINE_ARGS=--lowvram\r\n"
        "set COMMANDLINE_ARGS=--medvram --xformers --port 7861 --theme dark ^\r\n --no-half-vae --api\r\n"
        "SET HF_ENDPOINT=https://hf-mirror.com\r\n"
        "set HTTP_PROXY=http://127.0.0.1:7890& set HTTPS_PROXY=http://127.0.0.1:7890\r\n"
        "set TORCH_COMMAND=pip install torch==2.0.1 --index-url https://example.org/whl/cu118\r\n"
        "git pull\r\n"
        "call webui.bat\r\n",
    )
    assert found.profile == RunProfile(
        memory="medvram",
        attention="xformers",
        port=7861,
        theme="dark",
        flags=("--no-half-vae", "--api"),
        environment={
            "HF_ENDPOINT": "https://hf-mirror.com",
            "HTTP_PROXY": "http://127.0.0.1:7890",
            "HTTPS_PROXY": "http://127.0.0.1:7890",
        },
    )
    assert (found.python, found.venv, found.git) == ("D:\\Python310\\python.exe", "D:\\sd venv", None)
    left = [str(each) for each in found.left]
    assert len(left) == 2
    assert left[0] == "Line 12 is not carried out: git …"
    assert left[1].startswith("TORCH_COMMAND is not taken over")


def test_a_shell_script(tmp_path: Path) -> None:
    found = sh(
        tmp_path,
        "#!/usr/bin/env bash\n"
        "export COMMANDLINE_ARGS=\"--listen --lora-dir 'models/my lora' --ckpt-dir /mnt/sd\"  # see the wiki\n"
        'COMMANDLINE_ARGS="$COMMANDLINE_ARGS --gradio-auth me:secret"; export COMMANDLINE_ARGS\n'
        "COMMANDLINE_ARGS+=' --share'\n"
        'python_cmd="python3.11"\n'
        "venv_dir=-\n"
        "export HF_ENDPOINT=https://hf-mirror.com CUDA_VISIBLE_DEVICES=1\n"
        'export install_dir="/srv/sd"\n'
        'export PATH="/usr/local/cuda/bin:$PATH"\n'
        "if [ -f x ]; then\n  source ./more.sh\nfi\n"
        'export WHO="$(whoami)"\n',
    )
    folder = str(tmp_path / "models/my lora")
    assert found.profile == RunProfile(
        listen=True,
        share=True,
        auth=("me:secret",),
        flags=("--lora-dir", folder, "--ckpt-dir", "/mnt/sd"),
        environment={"HF_ENDPOINT": "https://hf-mirror.com", "CUDA_VISIBLE_DEVICES": "1"},
    )
    assert (found.python, found.venv) == ("python3.11", "-")
    left = " ".join(map(str, found.left))
    for part in ("source …", "export …", "PATH is not taken over", "install_dir is not taken over"):
        assert part in left


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_whatever_system_wrote_it(tmp_path: Path, encoding: str, end: str) -> None:
    lines = ("@echo off", "rem 注释", 'set COMMANDLINE_ARGS=--ckpt-dir "D:\\我的 模型" --medvram', "call webui.bat", "")
    found = bat(tmp_path, end.join(lines).encode(encoding))
    assert found.profile == RunProfile(memory="medvram", flags=("--ckpt-dir", "D:\\我的 模型"))
    assert not found.left


@pytest.mark.parametrize(
    ("line", "profile"),
    [
        ("set COMMANDLINE_ARGS=--ckpt-dir D:\\sd\\models", RunProfile(flags=("--ckpt-dir", "D:\\sd\\models"))),
        ('set COMMANDLINE_ARGS="--xformers"', RunProfile(attention="xformers")),
        ("set COMMANDLINE_ARGS=--xformers\nset COMMANDLINE_ARGS=%COMMANDLINE_ARGS% --lowvram --medvram",
         RunProfile(attention="xformers", memory="lowvram")),
        ("set commandline_args=--port=80", RunProfile(port=80)),
        ("set COMMANDLINE_ARGS=--port 99999", RunProfile()),
        ("set COMMANDLINE_ARGS=--lowvr --device-id 1", RunProfile(memory="lowvram", gpu="1")),
        ("@set COMMANDLINE_ARGS=--ckpt %~dp0models\\a.ckpt", RunProfile(model="{here}/models/a.ckpt")),
        ("set COMMANDLINE_ARGS=--ckpt \"%~dp0my models\\a.ckpt\"", RunProfile(model="{here}/my models/a.ckpt")),
        ("set COMMANDLINE_ARGS=--ckpt models\\a.ckpt", RunProfile(model="{here}/models/a.ckpt")),
        ("set COMMANDLINE_ARGS=--theme pink", RunProfile(flags=("--theme", "pink"))),
        ("set COMMANDLINE_ARGS=--gradio-auth nobody", RunProfile(flags=("--gradio-auth", "nobody"))),
        ("set A=1\nset COMMANDLINE_ARGS=--api --opt-sdp-attention --xformers",
         RunProfile(flags=("--api", "--opt-sdp-attention", "--xformers"))),
        ("set COMMANDLINE_ARGS=--gradio-auth a:b,c:d --gradio-auth-path C:\\p.txt",
         RunProfile(auth=("a:b", "c:d"), auth_file="C:\\p.txt")),
    ],
)  # fmt: skip
def test_lines_of_batch_files(tmp_path: Path, line: str, profile: RunProfile) -> None:
    found = bat(tmp_path, line.replace("\n", "\r\n"))
    if profile.model:
        profile = RunProfile(model=str(Path(profile.model.format(here=tmp_path))))
    assert found.profile == profile


def test_places_in_variables_count_from_the_old_install(tmp_path: Path) -> None:
    found = bat(tmp_path, "set HF_HOME=%~dp0hf\r\nset TORCH_HOME=cache\\torch\r\nset HF_ENDPOINT=https://x.y/z\r\n"
                          "set GRADIO_ROOT_PATH=sd\r\nset XDG_CACHE_HOME=D:\\cache\r\n"
                          "set PYTHON=py\\python.exe\r\n")  # fmt: skip
    assert found.profile.environment == {
        "HF_HOME": str(tmp_path / "hf"), "TORCH_HOME": str(tmp_path / "cache/torch"), "HF_ENDPOINT": "https://x.y/z",
        "GRADIO_ROOT_PATH": "sd", "XDG_CACHE_HOME": "D:\\cache",
    }  # fmt: skip
    assert found.python == str(tmp_path / "py/python.exe")
    assert sh(tmp_path, "export HF_HOME=./hf\npython_cmd=python3.11\n").python == "python3.11"
    assert sh(tmp_path, "export HF_HOME=./hf\n").profile.environment == {"HF_HOME": str(tmp_path / "hf")}


@pytest.mark.parametrize(
    "line",
    [
        "if exist x set COMMANDLINE_ARGS=--lowvram", "set /p COMMANDLINE_ARGS=which?", "goto start",
        "call environment.bat", "for %%i in (*) do set COMMANDLINE_ARGS=--api",
        "del /q *.*", "cd /d D:\\sd", "powershell -c foo",
    ],
)  # fmt: skip
def test_what_only_a_shell_could_say_is_named_and_not_done(tmp_path: Path, line: str) -> None:
    found = bat(tmp_path, f"@echo off\r\n{line}\r\ncall webui.bat\r\n")
    assert found.profile == RunProfile()
    assert [str(each) for each in found.left] == [f"Line 2 is not carried out: {line.split()[0]} …"]


@pytest.mark.parametrize(
    "line",
    ["export MY_SECRET=geheim", "curl -u me:geheim https://x", "MY_TOKEN=geheim python x.py", "X=`echo geheim`",
     "export X=$(echo geheim)", "TORCH_COMMAND='pip install --index-url https://me:geheim@x'",
     "export INDEX_URL=https://me:geheim@x", "git pull https://me:geheim@x", "https://me:geheim@x"],
)  # fmt: skip
def test_of_what_is_left_no_value_is_said(tmp_path: Path, line: str) -> None:
    left = sh(tmp_path, f"{line}\n").left
    assert left
    assert "geheim" not in " ".join(map(str, left))


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("export COMMANDLINE_ARGS=--api", ("--api",)),
        ("COMMANDLINE_ARGS='--api'\"\"' --no-half'", ("--api", "--no-half")),
        ('export COMMANDLINE_ARGS="--api \\\n  --no-half"', ("--api", "--no-half")),
        ('X=--api\nexport COMMANDLINE_ARGS="${X} --no-half"', ("--api", "--no-half")),
        ('X=--api; export COMMANDLINE_ARGS="$X"', ("--api",)),
        ("export COMMANDLINE_ARGS=\"--styles-file 'a b.csv'\"", ("--styles-file", "{here}/a b.csv")),
        ("declare -x COMMANDLINE_ARGS=--api", ("--api",)),
        ("export COMMANDLINE_ARGS", ()),
        ("export COMMANDLINE_ARGS='$X'", ("$X",)),
        ('export "COMMANDLINE_ARGS=--api"', ()),
    ],
)
def test_lines_of_shell_scripts(tmp_path: Path, line: str, args: tuple[str, ...]) -> None:
    found = sh(tmp_path, line + "\n")
    assert found.profile.flags == tuple(each.format(here=tmp_path) if "{" in each else each for each in args)


@pytest.mark.parametrize("text", ["", "\n\n", '"', "export", "=", "a=", "'", "set", "\\", "$(", "&&&", "%", "set =",
                                  "^", "export A='", "set A", "(((", "\x1b[2J",
                                  "COMMANDLINE_ARGS=" + "x" * 100_000])  # fmt: skip
@pytest.mark.parametrize("name", ["webui-user.sh", "webui-user.bat"])
def test_nonsense_ends_in_no_exception(tmp_path: Path, name: str, text: str) -> None:
    written(tmp_path, name, text)


def test_which_file_of_a_folder_counts(tmp_path: Path) -> None:
    sh(tmp_path, SHIPPED_SH)
    bat(tmp_path, "set COMMANDLINE_ARGS=--api\r\n")
    assert read_webui_user(tmp_path).profile.flags == ("--api",)
    sh(tmp_path, "export COMMANDLINE_ARGS=--no-half\n")
    assert read_webui_user(tmp_path).profile.flags == ("--no-half",)
    assert read_webui_user(tmp_path, system="windows").profile.flags == ("--api",)


def test_what_is_not_there_or_no_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="webui-user-missing") as failure:
        read_webui_user(tmp_path)
    assert str(tmp_path) in str(failure.value.message)
    with pytest.raises(LauncherError, match="webui-user-unreadable"):
        bat(tmp_path, b"\x00\x01" * 10)
    with pytest.raises(LauncherError, match="webui-user-unreadable"):
        bat(tmp_path, b"x" * (2 << 20))


def test_the_old_folder_of_data_is_not_taken_over(tmp_path: Path) -> None:
    found = sh(tmp_path, "export COMMANDLINE_ARGS='--data-dir /old --api'\n")
    assert found.profile.flags == ("--api",)
    assert "--data-dir is not taken over" in str(found.left[0])


MENU = """@echo off
set COMMANDLINE_ARGS=--xformers --gradio-auth me:pw
choice /c 12
if errorlevel 2 goto lan
goto start
:lan
set COMMANDLINE_ARGS=--listen --share
:start
call webui.bat
exit /b
set COMMANDLINE_ARGS=--lowvram --no-half
set HF_ENDPOINT=https://elsewhere.example
"""


def test_only_what_a_batch_file_does_in_any_case_is_taken_over(tmp_path: Path) -> None:
    found = bat(tmp_path, MENU.replace("\n", "\r\n"))
    assert found.profile == RunProfile(attention="xformers", auth=("me:pw",))
    assert any("Line 7 sets COMMANDLINE_ARGS only sometimes" in str(each) for each in found.left)
    block = (
        "set COMMANDLINE_ARGS=--api\nif exist x (\n  set COMMANDLINE_ARGS=--share\n) else (\nset HF_HOME=D:\\h\n)\n"
        "set TZ=UTC\n"
    )
    found = bat(tmp_path, block.replace("\n", "\r\n"))
    assert found.profile == RunProfile(flags=("--api",), environment={"TZ": "UTC"})
    said = " ".join(map(str, found.left))
    assert "Line 3 sets COMMANDLINE_ARGS only sometimes" in said
    assert "Line 5 sets HF_HOME" in said
    assert bat(tmp_path, "set COMMANDLINE_ARGS=--api\r\nwebui.bat\r\nset COMMANDLINE_ARGS=--share\r\n").profile == (
        RunProfile(flags=("--api",)))  # fmt: skip


@pytest.mark.parametrize(
    "script",
    [
        "export COMMANDLINE_ARGS=--api\nif [ -f x ]; then\n  export COMMANDLINE_ARGS=--share\nfi\n",
        "export COMMANDLINE_ARGS=--api\nif [ -f x ]; then export COMMANDLINE_ARGS=--share; fi\nexport TZ=\n",
        "export COMMANDLINE_ARGS=--api\n[ -f x ] && export COMMANDLINE_ARGS=--share\n",
        "export COMMANDLINE_ARGS=--api\nlan() {\n  COMMANDLINE_ARGS=--share\n}\n",
        "case $1 in\nlan) COMMANDLINE_ARGS=--share ;;\nesac\nexport COMMANDLINE_ARGS=--api\n",
        "export COMMANDLINE_ARGS=--api\ncat <<EOF\nCOMMANDLINE_ARGS=--share\nEOF\n",
        "export COMMANDLINE_ARGS=--api\nexec ./webui.sh\nexport COMMANDLINE_ARGS=--share\n",
        "export COMMANDLINE_ARGS=--api; ./webui.sh\nCOMMANDLINE_ARGS=--share\n",
    ],
)
def test_only_what_a_shell_script_does_in_any_case_is_taken_over(tmp_path: Path, script: str) -> None:
    (tmp_path / "webui-user.sh").write_text(script)
    assert read_webui_user(tmp_path).profile == RunProfile(flags=("--api",))
