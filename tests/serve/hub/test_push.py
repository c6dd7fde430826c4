"""Pushing to a repository: private unless asked for, one commit, no pickle, and errors in words."""

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from peakid.errors import BadInput, FetchFailed, HubRefused
from peakid.serve.hub import push as pushing
from tests import stub_hub

NAME = "anna/peaks"


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


def saved(array):
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


@pytest.fixture
def bundle():
    card = {"files": [{"name": "model.onnx"}, {"name": "model.ts"}, {"name": "export.pkl"}]}
    return {
        "model.onnx": b"onnx" * 1000,
        "card.json": json.dumps(card).encode(),
        "MODEL_CARD.md": b"---\nlibrary_name: onnx\n---\n# Peaks\n",
        "golden/a.jpg": b"picture",
        "checksums.txt": b"old",
    }


def push(contents, hub, *, is_public=False, name=NAME):
    return pushing.push(contents, name, is_public=is_public, message="export 1", endpoint=hub.url)


def test_a_new_repository_is_private_and_has_every_file_in_one_commit(hub, bundle):
    contents, left = pushing.without_pickles(bundle)
    done = push(contents, hub)
    made = hub.repositories[NAME]
    assert (left, made.is_private, done.is_public) == ([], True, False)
    assert len(made.commits) == 1
    revision, files = made.commits[0]
    assert (done.revision, done.url) == (revision, f"{hub.url}/{NAME}/tree/{revision}")
    assert files == contents
    assert files["README.md"] == files["MODEL_CARD.md"]


def test_the_checksums_name_every_pushed_file_but_themselves(bundle):
    contents, _ = pushing.without_pickles(bundle)
    lines = dict(reversed(line.split("  ")) for line in contents["checksums.txt"].decode().splitlines())
    assert lines == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in contents.items()
        if name != "checksums.txt"
    }


def test_files_with_pickles_are_left_out_of_files_card_and_checksums(bundle):
    bundle |= {"export.pkl": b"x", "model.ts": zipped("model/data.pkl"), "torn.ts": b"PK\3\4torn"}
    bundle["weights"] = pickle.dumps({"a": 1})
    contents, left = pushing.without_pickles(bundle)
    assert left == ["export.pkl", "model.ts", "torn.ts", "weights"]
    assert json.loads(contents["card.json"])["files"] == [{"name": "model.onnx"}]
    assert not any(each in contents["checksums.txt"].decode() for each in left)


def test_plain_weights_arrays_and_archives_are_pushed(bundle):
    plain = {"plain.zip": zipped("a.txt"), "model.bin": b"weights", "seen.npy": saved(np.zeros(3))}
    assert pushing.without_pickles(bundle | plain)[1] == []
    objects = {"seen.npy": saved(np.array([{}], dtype=object)), "pytorch_model.bin": b"weights"}
    assert pushing.without_pickles(bundle | objects)[1] == ["pytorch_model.bin", "seen.npy"]


def test_a_public_repository_must_be_asked_for(hub, bundle):
    contents, _ = pushing.without_pickles(bundle)
    hub.add(NAME, {"README.md": b"hello"}, is_private=False)
    with pytest.raises(BadInput, match="Everybody can read"):
        push(contents, hub)
    assert len(hub.repositories[NAME].commits) == 1
    assert push(contents, hub, is_public=True).is_public
    assert push(contents, hub, is_public=True, name="anna/new").is_public
    assert not hub.repositories["anna/new"].is_private


def test_a_private_repository_stays_private(hub, bundle):
    contents, _ = pushing.without_pickles(bundle)
    hub.add(NAME, {}, is_private=True)
    assert not push(contents, hub, is_public=True).is_public
    assert hub.repositories[NAME].is_private


def test_the_token_goes_to_the_server_alone(hub, bundle, caplog, capfd):
    caplog.set_level("DEBUG")
    push(pushing.without_pickles(bundle)[0], hub)
    assert all(
        token == f"Bearer {stub_hub.WRITER}" for _, path, token in hub.asked if not path.startswith("/stored")
    )
    hub.faults["/api/models"] = 403
    with pytest.raises(HubRefused) as refused:
        push(bundle, hub)
    written = "".join([caplog.text, *capfd.readouterr(), str(refused.value)])
    assert stub_hub.WRITER not in written


@pytest.mark.parametrize(
    ("part", "status", "kind", "words"),
    [
        ("/api/models", 401, HubRefused, "refuses the login"),
        ("/api/repos/create", 403, HubRefused, "no right"),
        ("/preupload", 403, HubRefused, "no right"),
        ("/api/models", 429, FetchFailed, "too many requests from here. It asks to wait 7 seconds"),
        ("/commit", 500, FetchFailed, "status 500"),
        ("/preupload", 503, FetchFailed, "status 503"),
        ("/objects/batch", 502, FetchFailed, "status 502"),
        ("/stored", 500, FetchFailed, "status 500"),
        ("/commit", 422, FetchFailed, "status 422"),
    ],
)
def test_an_error_of_the_server_is_one_sentence_and_pushes_nothing(hub, bundle, part, status, kind, words):
    hub.faults[part] = status
    with pytest.raises(kind) as error:
        push(pushing.without_pickles(bundle)[0], hub)
    assert words in error.value.message
    assert error.value.remedy
    assert not any(each.commits for each in hub.repositories.values())


def test_a_login_that_may_only_read_is_refused(hub, bundle, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", stub_hub.READER)
    with pytest.raises(HubRefused, match="no right"):
        push(pushing.without_pickles(bundle)[0], hub)


def test_without_a_login_nothing_is_asked(hub, bundle, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_STORED_TOKENS_PATH", str(tmp_path / "none"))
    with pytest.raises(HubRefused, match="no login"):
        push(bundle, hub)
    assert hub.asked == []


def test_a_server_that_is_not_there_is_one_sentence(hub, bundle):
    hub.url = "http://127.0.0.1:9"
    with pytest.raises(FetchFailed, match="failed or broke off"):
        push(bundle, hub)


@pytest.mark.parametrize(
    "name", ["peaks", "a/b/c", "../x", "anna/..", "anna/pe aks", "https://x/y", "a/b.git", ""]
)
def test_what_is_no_repository_is_refused_before_anything_is_asked(hub, bundle, name):
    with pytest.raises(BadInput, match="not a repository"):
        push(bundle, hub, name=name)
    assert hub.asked == []
