"""Generators on the Hugging Face Hub: put there and loaded back by the real client, on a server of this test."""

import base64
import hashlib
import inspect
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import torch

import nashpath
from nashpath.run import SettingError
from nashpath.run.assess import hub_models
from run_folders import nash, small, trained

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("hub") / "run"
    trained(small(steps=2), place)
    return place


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as a model needs: a repository, one commit, and its files."""

    files: dict[str, bytes] = {}  # noqa: RUF012
    made: list[dict] = []  # noqa: RUF012
    refuses = False

    def log_message(self, *args):
        pass

    def answer(self, value, status=200, **headers):
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, one in {"Content-Length": len(content), "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name.replace("_", "-"), str(one))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if Hub.refuses or self.headers["Authorization"] != "Bearer hf_token":
            self.answer({"error": "Invalid username or password."}, 401)
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif self.path == "/api/repos/create":
            Hub.made.append(json.loads(sent))
            self.answer({"url": "https://huggingface.co/ada/ring", "name": "ada/ring", "id": "1"})
        elif self.path == "/api/models/ada/ring/preupload/main":
            wanted = json.loads(sent)["files"]
            self.answer(
                {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in wanted]}
            )
        elif self.path.startswith("/api/models/ada/ring/commit/main"):
            for line in map(json.loads, sent.splitlines()):
                if line["key"] == "file":
                    Hub.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer(
                {"success": True, "commitOid": COMMIT, "commitUrl": f"https://huggingface.co/ada/ring/commit/{COMMIT}"}
            )
        else:
            self.answer({"error": self.path}, 404)

    def do_GET(self):
        name = self.path.rpartition("/")[2].partition("?")[0]
        if Hub.refuses:
            self.answer({"error": "Invalid username or password."}, 401)
        elif "/resolve/" in self.path and name in Hub.files:
            self.answer(Hub.files[name], ETag=f'"{hashlib.sha1(Hub.files[name]).hexdigest()}"')
        elif self.path.startswith("/api/models/ada/ring/tree/"):
            self.answer([{"type": "file", "path": k, "size": len(v), "oid": "0" * 40} for k, v in Hub.files.items()])
        elif self.path.startswith("/api/models/ada/ring"):
            siblings = [{"rfilename": name, "size": len(held)} for name, held in Hub.files.items()]
            self.answer({"id": "ada/ring", "modelId": "ada/ring", "sha": COMMIT, "private": True, "siblings": siblings})
        else:
            self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The client, which asks the server of this test."""
    client = pytest.importorskip("huggingface_hub")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    Hub.files, Hub.made, Hub.refuses = {}, [], False
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    ways = {"HfApi": lambda **given: client.HfApi(endpoint=address, token="hf_token", **given)}
    ways |= {
        "snapshot_download": lambda repo, **given: client.snapshot_download(
            repo, endpoint=address, cache_dir=tmp_path / "cache", **given
        ),
        "CommitOperationAdd": client.CommitOperationAdd,
    }
    monkeypatch.setattr(hub_models, "_hub", lambda: SimpleNamespace(**ways))
    yield Hub
    server.shutdown()
    server.server_close()


def visibility(made: dict) -> str:
    """What a repository is to be, as the client says it now, or said it before."""
    return made.get("visibility") or ("private" if made["private"] else "public")


def test_an_exported_generator_is_put_there_and_loaded_back(run, tmp_path, hub, quick_python):
    said = nash("export", run, "--to", tmp_path / "ring.safetensors", "--licence", "CC0", "--push", "ada/ring")
    assert f"https://huggingface.co/ada/ring/commit/{COMMIT}" in said.stdout
    (made,) = hub.made
    assert (made["name"], made["organization"], visibility(made)) == ("ring", "ada", "private")
    assert hub.files.keys() == {"ring.safetensors", "README.md", "settings.toml"}
    assert hub.files["ring.safetensors"] == (tmp_path / "ring.safetensors").read_bytes()
    front, _, card = hub.files["README.md"].decode().partition("\n---\n\n")
    assert "library_name: nashpath" in front
    assert 'license_name: "CC0"' in front
    assert card == (tmp_path / "ring.safetensors.md").read_text()
    found, own = nashpath.load("hub:ada/ring"), nashpath.load(run)
    assert torch.equal(found.sample(5), own.sample(5))
    (tmp_path / "settings.toml").write_bytes(hub.files["settings.toml"])
    nash("train", tmp_path / "settings.toml", "--out", tmp_path / "again", "--quiet")
    assert torch.equal(nashpath.load(tmp_path / "again").sample(5), own.sample(5))


def test_a_public_one_is_asked_for(tmp_path, hub):
    (tmp_path / "g.pt2").write_bytes(b"a program")
    hub_models.push(tmp_path / "g.pt2", "card", {"settings": {}}, "ada/ring", public=True)
    assert visibility(hub.made[0]) == "public"
    assert hub.files["g.pt2"] == b"a program"


def test_what_the_hub_refuses_is_a_sentence(tmp_path, hub):
    hub.refuses = True
    (tmp_path / "g.pt2").write_bytes(b"a program")
    with pytest.raises(SettingError) as caught:
        hub_models.push(tmp_path / "g.pt2", "card", {"settings": {}}, "ada/ring")
    assert str(caught.value).startswith("--push ada/ring: the Hugging Face Hub refused (401)")
    assert str(caught.value).endswith("g.pt2 is written all the same; " + hub_models.TO_LOG_IN)
    assert not hub.files
    hub.refuses = False
    with pytest.raises(SettingError, match=r"hub:ada/other: the Hugging Face Hub refused \(404\)"):
        nashpath.load("hub:ada/other")
    with pytest.raises(SettingError, match=r"holds no \.safetensors file"):
        nashpath.load("hub:ada/ring")


def test_the_calls_are_those_of_the_client():
    """What this package hands over, by the client's own signatures."""
    client = pytest.importorskip("huggingface_hub")
    given = {"repo_id": "a/b", "repo_type": "model"}
    inspect.signature(client.HfApi).bind(library_name="nashpath")
    inspect.signature(client.HfApi.create_repo).bind(None, **given, private=True, exist_ok=True)
    inspect.signature(client.HfApi.create_commit).bind(None, **given, operations=[], commit_message="")
    inspect.signature(client.snapshot_download).bind("a/b", revision=None, allow_patterns=[])
    inspect.signature(client.CommitOperationAdd).bind(path_in_repo="a", path_or_fileobj=b"")


def test_nothing_is_exported_where_it_cannot_be_put_there(run, tmp_path, monkeypatch):
    begin = ("export", run, "--to", tmp_path / "ring.safetensors")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install 'nashpath[hub]'" in nash(*begin, "--push", "ada/ring", expect=2).stderr
    assert "give the repository as owner/name" in nash(*begin, "--push", "ring", expect=2).stderr
    assert "--public is for --push" in nash(*begin, "--public", expect=2).stderr
    assert not (tmp_path / "ring.safetensors").exists()
    with pytest.raises(SettingError, match="hub:owner/name@revision"):
        nashpath.load("hub:ring")
