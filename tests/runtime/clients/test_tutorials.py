"""The little clients of tutorials, as they are printed there."""

import base64
import http.client
import io
import json
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.fakes.serving import Served, put_checkpoint, serve


def test_json_as_a_bare_string_without_a_content_type(server: Served) -> None:
    """http.client sends what it is given, and says nothing of its type."""
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port)
    connection.request("POST", "/sdapi/v1/txt2img", json.dumps({"prompt": "a cat", "steps": 2, "width": 64}))
    answer = connection.getresponse()
    assert answer.status == 200
    found = json.loads(answer.read())
    assert found["parameters"]["prompt"] == "a cat"
    assert base64.b64decode(found["images"][0].split(",", 1)[0]).startswith(b"\x89PNG")


def test_json_that_urllib_calls_a_form_is_refused_with_a_sentence(server: Served) -> None:
    """What a foreign page could send without being asked: only the missing header is forgiven."""
    request = urllib.request.Request(server.url + "/sdapi/v1/txt2img", json.dumps({"prompt": "x"}).encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 415
    assert set(json.load(refused.value)) >= {"error", "detail", "body", "errors"}


def test_the_model_is_switched_under_basic_authentication_and_then_draws(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "other.safetensors", "v1-5-pruned-emaonly.safetensors")
    with serve(tmp_path, "--nowebui", "--api-auth", "user:secret") as served:
        login = ("user", "secret")
        chosen = {"sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors"}
        assert served.post("/sdapi/v1/options", json=chosen, auth=login).json() is None
        now = served.get("/sdapi/v1/options", auth=login).json()
        assert now["sd_model_checkpoint"].startswith("v1-5-pruned-emaonly.safetensors")
        drawn = served.post("/sdapi/v1/txt2img", json={"prompt": "x", "steps": 2}, auth=login).json()
        picture = Image.open(io.BytesIO(base64.b64decode(drawn["images"][0])))
        assert json.loads(drawn["info"])["sd_model_name"] == "v1-5-pruned-emaonly"
        info = served.post(
            "/sdapi/v1/png-info", json={"image": "data:image/png;base64," + drawn["images"][0]}, auth=login
        )
        assert info.json()["info"] == picture.text["parameters"]


def test_a_page_from_elsewhere_can_start_nothing(server: Served) -> None:
    foreign = {"Origin": "http://elsewhere.example"}
    refused = server.post("/sdapi/v1/txt2img", content='{"prompt": "x"}', headers=foreign)
    assert refused.status_code == 403
    assert set(refused.json()) >= {"error", "detail", "body", "errors"}
    assert server.post("/sdapi/v1/interrupt", headers={"Origin": "null"}).status_code == 403
    assert server.post("/sdapi/v1/interrupt", headers={"Origin": server.url}).status_code == 200
    assert server.get("/sdapi/v1/progress", headers=foreign).status_code == 200


def test_a_page_that_was_let_in_may(tmp_path: Path) -> None:
    with serve(tmp_path, "--nowebui", "--cors-allow-origins", "http://friend.example") as served:
        assert served.post("/sdapi/v1/skip", headers={"Origin": "http://friend.example"}).status_code == 200
        assert served.post("/sdapi/v1/skip", headers={"Origin": "http://friend.example.evil"}).status_code == 403
