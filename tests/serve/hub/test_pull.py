"""Pulling a model: every file matches its checksum, and what may run code is refused."""

import hashlib
import json
import pickle

import pytest

from peakid.errors import BadInput, ChecksumWrong, FetchFailed, HubRefused, NotFound, WeightsUnfit
from peakid.imaging import pixels
from peakid.serve.hub import pull as pulling
from peakid.serve.hub import push as pushing
from tests import stub_hub

NAME = "anna/peaks"


@pytest.fixture
def bundle():
    card = {
        "class_names": ["eiger", "dom"],
        "image_size_px": 8,
        "resize": "crop",
        "pixels_version": pixels.VERSION,
        "files": [],
    }
    contents = {
        "model.onnx": bytes(range(256)) * 400,
        "card.json": json.dumps(card).encode(),
        "MODEL_CARD.md": b"# Peaks\n",
        "golden/a.jpg": b"picture",
        "checksums.txt": b"",
    }
    return pushing.without_pickles(contents)[0]


@pytest.fixture
def pull(hub, tmp_path):
    def pulled(name=NAME, revision="main", folder="model"):
        commit = pulling.find_revision(name, revision, endpoint=hub.url)
        return pulling.pull(name, commit, tmp_path / folder, endpoint=hub.url)

    return pulled


def test_every_file_with_a_checksum_is_pulled_at_one_revision(hub, bundle, pull, tmp_path):
    revision = hub.add(NAME, {**bundle, "notes.txt": b"not in the checksums"})
    found = pull()
    assert (found.repository, found.revision) == (NAME, revision)
    assert found.url == f"{hub.url}/{NAME}/tree/{revision}"
    assert found.class_names == ("eiger", "dom")
    named = {each.name: each for each in found.files}
    assert named.keys() == bundle.keys() - {"checksums.txt"}
    for name, each in named.items():
        assert (tmp_path / "model" / name).read_bytes() == bundle[name]
        assert (each.sha256, each.n_bytes) == (hashlib.sha256(bundle[name]).hexdigest(), len(bundle[name]))
    assert not (tmp_path / "model" / "notes.txt").exists()


def test_an_earlier_revision_can_be_pulled(hub, bundle, pull):
    first = hub.add(NAME, bundle)
    hub.repositories[NAME].commit({"model.onnx": b"other"})
    assert pull(revision=first).revision == first
    with pytest.raises(NotFound):
        pull(revision="v9")


def test_a_private_repository_needs_a_login(hub, bundle, pull, monkeypatch):
    hub.add(NAME, bundle, is_private=True)
    monkeypatch.setenv("HF_TOKEN", stub_hub.READER)
    assert pull().class_names == ("eiger", "dom")
    monkeypatch.setenv("HF_TOKEN", "hf_invalid")
    with pytest.raises(HubRefused, match="refuses the login"):
        pull(folder="again")


def test_a_download_that_is_cut_once_continues(hub, bundle, pull, tmp_path):
    hub.add(NAME, bundle)
    hub.faults["model.onnx"] = "cut once"
    pull()
    assert (tmp_path / "model" / "model.onnx").read_bytes() == bundle["model.onnx"]
    assert hub.faults == {}


def test_a_download_that_is_always_cut_is_one_sentence(hub, bundle, pull):
    hub.add(NAME, bundle)
    hub.faults["golden/a.jpg"] = "cut"
    with pytest.raises(FetchFailed, match="broke off"):
        pull()


@pytest.mark.parametrize("name", ["model.onnx", "card.json", "golden/a.jpg"])
def test_a_file_that_was_changed_is_refused(hub, bundle, pull, name):
    hub.add(NAME, bundle)
    hub.altered[name] = bundle[name][:-1] + b"!"  # Of the same size.
    with pytest.raises(ChecksumWrong, match=f"{name} has the SHA-256 .*Nothing was pulled"):
        pull()


@pytest.mark.parametrize("name", ["export.pkl", "sub/model.PKL", "pytorch_model.bin", "model.pt", "a.joblib"])
def test_a_repository_with_a_pickle_is_refused_before_any_download(hub, bundle, pull, name):
    hub.add(NAME, {**bundle, name: b"x"})
    with pytest.raises(BadInput, match="may run code"):
        pull()
    assert not any("/resolve/" in path for _, path, _ in hub.asked)


def test_a_pickle_under_another_name_is_refused(hub, bundle, pull):
    contents = pushing.without_pickles(bundle)[0] | {"notes.txt": pickle.dumps({"a": 1})}
    contents["checksums.txt"] = pushing._checksums(
        {name: each for name, each in contents.items() if name != "checksums.txt"}
    )
    hub.add(NAME, contents)
    with pytest.raises(BadInput, match=r"notes.txt may run code"):
        pull()


@pytest.mark.parametrize("name", ["card.json", "checksums.txt"])
def test_a_repository_without_card_or_checksums_is_refused(hub, bundle, pull, name):
    hub.add(NAME, {each: content for each, content in bundle.items() if each != name})
    with pytest.raises(BadInput, match=f"has no {name}"):
        pull()


@pytest.mark.parametrize(
    "line",
    [
        b"no checksum\n",
        b"0" * 64 + b"  ../outside.txt\n",
        b"0" * 64 + b"  /etc/passwd\n",
        b"0" * 64 + b"  missing.txt\n",
        b"",
    ],
)
def test_checksums_that_lead_elsewhere_are_refused(hub, bundle, pull, line, tmp_path):
    kept = bundle["checksums.txt"] if line else b""
    hub.add(NAME, {**bundle, "checksums.txt": kept + line})
    with pytest.raises(BadInput, match="checksums"):
        pull()
    assert not (tmp_path / "outside.txt").exists()


def test_a_damaged_card_is_refused(hub, bundle, pull):
    contents = {**bundle, "card.json": b'{"class_names": 7}'}
    hub.add(NAME, pushing.without_pickles(contents)[0])
    with pytest.raises(WeightsUnfit, match="damaged"):
        pull()


def test_a_repository_that_is_too_large_is_refused(hub, bundle, pull, monkeypatch):
    monkeypatch.setattr(pulling, "MAX_BYTES", 1000)
    hub.add(NAME, bundle)
    with pytest.raises(BadInput, match="over the limit"):
        pull()


@pytest.mark.parametrize(
    ("part", "status", "kind", "words"),
    [
        ("/api/models", 401, HubRefused, "refuses the login"),
        ("/api/models", 403, HubRefused, "no right"),
        ("/api/models", 404, NotFound, "has no anna/peaks"),
        ("/api/models", 429, FetchFailed, "too many requests"),
        ("/api/models", 500, FetchFailed, "status 500"),
        ("/resolve/", 403, HubRefused, "no right"),
        ("/resolve/", 404, NotFound, "has no anna/peaks"),
        ("/resolve/", 429, FetchFailed, "too many requests"),
        ("/resolve/", 503, FetchFailed, "status 503"),
    ],
)
def test_an_error_of_the_server_is_one_sentence(hub, bundle, pull, part, status, kind, words):
    hub.add(NAME, bundle)
    hub.faults[part] = status
    with pytest.raises(kind) as error:
        pull()
    assert words in error.value.message
    assert error.value.remedy


def test_a_server_that_is_no_hub_is_one_sentence(hub, bundle, pull):
    hub.add(NAME, bundle)
    hub.repositories[NAME].commits[0] = ("not a commit", bundle)
    with pytest.raises(BadInput, match="names no commit"):
        pull()
