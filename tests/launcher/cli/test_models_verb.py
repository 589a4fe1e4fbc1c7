"""`gesso models` as a command: one JSON object or lines, its exit codes, and nothing asked."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.cli import main
from launcher.core.models.catalogue import Location, read_catalogue
from launcher.core.models.known import Hashes, read_known
from launcher.verbs.models import VERB
from tests.fakes.fault_server import FaultServer
from tests.fakes.model_files import VAE, checkpoint, lora, write_safetensors, write_torch
from tests.launcher.cli.conftest import Gesso
from tests.launcher.core_decide.test_other_installs import A1111, tree

ODD = (
    *("a b", "猫", "🎨", "it's", 'say "hi"', "<b>bold<b>", "%41", "&amp;", "-rf", "--yes", "$HOME", "`id`", "a;b", "~"),
    *("a#b", "[x]", "{name}", "a=b", "0", "x" * 200, "é", "e\u0301", "a\tb", "\u202eabc", " lead", "trail ", "..dots"),
    *("ÄÖ", "नमस्ते", "{}", "a,b", "a@b", "(a)", "!", "^a", "a'b\"c", "_", "名字 有 空格", "con", "a%sb"),
)


def answer_of(bare: Gesso, *words: str, code: int = 0) -> dict:
    """The one object on standard output; in this process, which is quicker than one of its own."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as said:
        status = main(["models", *words, "--json", "--root", str(bare.workspace.root)], no_interface)
    assert status == code, said.getvalue()
    assert out.getvalue().count("\n") == 1
    found: dict = json.loads(out.getvalue())
    return found


def no_interface(*_: object) -> int:
    raise AssertionError("a verb opens no interface")


def test_odd_names_are_listed_as_they_are_and_shown_without_codes(bare: Gesso) -> None:
    odd = [name for name in ODD if os.name != "nt" or not set(name) & set('<>"|\t')]
    for name in odd:
        write_safetensors(bare.workspace.models / "Lora" / f"{name}.safetensors", lora("sd1", layers=1))
    found = answer_of(bare, "list", "--kind", "lora")
    assert {model["name"] for model in found["models"]} == {f"{name}.safetensors" for name in odd}
    keys = {"name", "path", "kind", "family", "precision", "size", "sha256", "triggers", "preview", "problems"}
    assert keys <= found["models"][0].keys()
    shown = bare.call("models", "list", "--lang", "zh").stdout
    assert "\u202e" not in shown
    assert "\t" not in shown
    assert "{name}.safetensors" in shown
    assert "个模型" in shown


def test_problems_are_told_with_a_code_a_sentence_and_a_remedy(bare: Gesso) -> None:
    (bare.workspace.models / "VAE").mkdir(parents=True)
    (bare.workspace.models / "VAE/page.safetensors").write_bytes(b"<html>")
    write_safetensors(bare.workspace.models / "VAE/good.safetensors", VAE)
    (model,) = answer_of(bare, "list", "--problems")["models"]
    (problem,) = model["problems"]
    assert (model["name"], problem["code"]) == ("page.safetensors", "web-page")
    assert problem["message"]
    assert problem["hint"]
    verified = answer_of(bare, "verify", code=1)["verified"]
    assert {one["name"]: one["sound"] for one in verified} == {"page.safetensors": False, "good.safetensors": True}
    assert answer_of(bare, "verify", "good")["verified"][0]["state"] == "same"


def test_the_catalogue_is_offered_as_the_card_suits(bare: Gesso, tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    card.write_text('[[gpus]]\nvendor = "nvidia"\nvram_total_mib = 4096\n', encoding="utf-8")
    small = answer_of(bare, "list", "--catalogue", "--simulate", str(card))
    every = answer_of(bare, "list", "--catalogue", "--all", "--simulate", str(card))
    assert small["vram_mib"] == 4096
    assert max(entry["vram_gib"] for entry in small["catalogue"]) == 4
    assert len(small["catalogue"]) < len(every["catalogue"]) == 62
    assert all(entry["licence"] and not entry["have"] for entry in every["catalogue"])


def test_a_file_is_added_hashed_and_found_again(bare: Gesso, tmp_path: Path) -> None:
    source = write_safetensors(tmp_path / "-odd '名'.safetensors", checkpoint("sd1", blocks=1))
    found = answer_of(bare, "add", str(source))
    assert (found["kind"], found["family"], found["how"]) == ("checkpoint", "sd1", "linked")
    (model,) = answer_of(bare, "list", "--hash")["models"]
    assert len(model["sha256"]) == 64
    assert len(model["old_hash"]) == 8
    assert f"[{model['short']}]" in bare.call("models", "list").stdout


def test_a_file_under_another_name_is_recognised_by_its_hash(bare: Gesso) -> None:
    path = write_safetensors(bare.workspace.models / "VAE/mine.safetensors", VAE)
    entry = read_catalogue().find("sdxl_vae_fp16_fix")
    found = path.stat()
    read_known(bare.workspace).remember(str(path), found.st_size, found.st_mtime_ns, Hashes(entry.sha256, "00000000"))
    (model,) = answer_of(bare, "list")["models"]
    assert (model["known_as"], model["family"]) == (entry.name, "sdxl")
    assert entry.name in bare.call("models", "list").stdout


def test_what_a_linked_install_has_is_not_fetched_again(bare: Gesso, tmp_path: Path, monkeypatch) -> None:
    root = tree(tmp_path / "webui", *A1111)
    model = write_safetensors(root / "models/Stable-diffusion/renamed.safetensors", checkpoint("sd1", blocks=1))
    data = model.read_bytes()
    with FaultServer(data) as server:
        entry = replace(
            read_catalogue().file[0], bytes=len(data), sha256=hashlib.sha256(data).hexdigest(),
            locations=(Location("url", "stated", url=server.url("ok", "m.safetensors")),),
        )  # fmt: skip
        monkeypatch.setattr("launcher.verbs.models.read_catalogue", lambda: replace(read_catalogue(), file=(entry,)))
        answer_of(bare, "link", str(root), "--no-outputs")
        found = answer_of(bare, "download", entry.name, "--yes")
        assert found == {"downloaded": [], "files": [{"name": entry.name, "path": str(model)}]}
        assert server.requests == []


def test_a_file_of_an_address_is_added(bare: Gesso, tmp_path: Path) -> None:
    data = write_safetensors(tmp_path / "x.safetensors", lora("sd1", layers=1)).read_bytes()
    with FaultServer(data) as server:
        found = answer_of(bare, "add", server.url("ok", "猫.safetensors"), "--name", "cat")
        assert (Path(found["path"]).name, found["how"]) == ("cat.safetensors", "downloaded")
        refused = answer_of(bare, "add", server.url("401", "b.safetensors"), code=1)["error"]
        assert refused["code"] == "download-unauthorized"


def test_an_install_is_linked_and_unlinked(bare: Gesso, tmp_path: Path) -> None:
    root = tree(tmp_path / "整合包 1", *A1111)
    (root / "webui-user.sh").write_text('export COMMANDLINE_ARGS="--theme dark"\n', encoding="utf-8")
    write_torch(root / "models/Lora/cat.pt", lora("sd1", layers=1))
    found = answer_of(bare, "link", str(root))
    assert (found["linked"]["program"], found["models"], found["profile"]) == ("a1111", 1, "整合包-1")
    assert [link["root"] for link in answer_of(bare, "link")["links"]] == [str(root)]
    shown = json.loads(bare.call("profiles", "show", "整合包-1", "--json").stdout)
    assert f"Lora={root}/models/Lora" in shown["command"]
    assert shown["settings"]["theme"] == "dark"
    assert answer_of(bare, "unlink", str(root)) == {"unlinked": str(root)}
    assert answer_of(bare, "link") == {"links": [], "absent": []}


def test_a_list_that_is_empty_because_of_what_was_asked_says_so(bare: Gesso) -> None:
    write_safetensors(bare.workspace.models / "Lora/a/x.safetensors", lora("sd1", layers=1))
    assert "no models yet" not in bare.call("models", "list", "--family", "nonsense").stdout
    write_safetensors(bare.workspace.models / "LyCORIS/a/x.safetensors", lora("sd1", layers=1))
    shown = bare.call("models", "list").stdout
    assert f"in {bare.workspace.models / 'LyCORIS/a'}" in shown
    assert f"in {bare.workspace.models / 'Lora/a'}" in shown


def test_two_installs_of_one_name_are_told_apart(bare: Gesso, tmp_path: Path) -> None:
    roots = [tree(tmp_path / where / "webui", *A1111) for where in ("a", "b")]
    for root, theme in zip(roots, ("dark", "light"), strict=True):
        (root / "webui-user.sh").write_text(f'export COMMANDLINE_ARGS="--theme {theme}"\n', encoding="utf-8")
        write_torch(root / f"models/Lora/{theme}.pt", lora("sd1", layers=1))
    first, second = (answer_of(bare, "link", str(root)) for root in roots)
    assert (first["profile"], second["profile"]) == ("webui", "webui-2")
    assert (first["models"], second["models"]) == (1, 1)
    assert first["linked"]["pictures"] == [str(roots[0] / "outputs")]
    assert second["linked"]["pictures"] == []
    assert answer_of(bare, "link", str(roots[1]))["profile"] == "webui-2"
    assert answer_of(bare, "unlink", "webui", code=1)["error"]["code"] == "link-unclear"
    assert bare.call("models", "link").stdout.count("outputs") == 1


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("download", "nonsense"), "model-unknown", 1),
        (("download",), "usage", 2),
        (("verify", "nonsense"), "model-unknown", 1),
        (("convert", "nonsense"), "model-unknown", 1),
        (("add", "nonsense"), "no-such-file", 1),
        (("add", "~nouser-gesso/x"), "no-such-user", 1),
        (("add", "http://[::1"), "not-an-address", 1),
        (("convert", "~nouser-gesso/x"), "model-unknown", 1),
        (("link", "~nouser-gesso/x"), "no-such-user", 1),
        (("unlink", "~nouser-gesso/x"), "no-such-user", 1),
        (("add", "https://huggingface.co/a/b"), "page-address", 1),
        (("add", "x", "--kind", "cake"), "usage", 2),
        (("add", "https://example.org/x", "--sha256", "12"), "usage", 2),
        (("link", "/nowhere/at all"), "not-an-install", 1),
        (("unlink", "x"), "not-linked", 1),
        (("cake",), "usage", 2),
        ((), "usage", 2),
    ],
)
def test_nonsense_is_answered(words: tuple[str, ...], code: str, status: int, bare: Gesso) -> None:
    found = answer_of(bare, *words, code=status)
    assert found["error"]["code"] == code
    assert found["error"]["hint"]


@pytest.mark.parametrize(
    "address",
    [
        "https://me:s3cret@huggingface.co/a/b?token=s3cret",
        "https://civitai.com/models/1?token=s3cret",
        "ftp://me:s3cret@example.org/x?key=s3cret",
        "https://me:s3cret@[::1/x",
        "404",
    ],
)
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_password_in_an_address_is_said_nowhere(address: str, more: tuple[str, ...], bare: Gesso) -> None:
    out, err = io.StringIO(), io.StringIO()
    with FaultServer(b"") as server, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        if address == "404":
            address = server.url("404", "x.pt").replace("//", "//me:s3cret@", 1) + "?key=s3cret"
        assert main(["models", "add", address, *more, "--root", str(bare.workspace.root)], no_interface) == 1
    assert err.getvalue()
    assert "s3cret" not in out.getvalue() + err.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' names are text")
def test_a_name_that_is_no_text_is_verified_and_hashed(bare: Gesso) -> None:
    folder = bare.workspace.models / "Stable-diffusion"
    path = write_safetensors(folder / "x.safetensors", checkpoint("sd1", blocks=1))
    path.rename(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.safetensors"))
    assert answer_of(bare, "verify")["verified"][0]["state"] == "noted"
    assert len(answer_of(bare, "list", "--hash")["models"]) == 1
    assert bare.call("models", "verify").returncode == 0


def test_there_is_an_action_for_everything_that_is_promised() -> None:
    assert {"list", "add", "download", "verify", "link", "convert"} <= VERB.actions.keys()
