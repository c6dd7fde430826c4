"""A signed bundle: its signature holds, and a changed or added file, or another key, is noticed."""

import importlib.util
import subprocess
import sys
import zipfile

import pytest

from peakid.errors import BadInput, ExtraMissing
from peakid.serve.bundle import bundle, signing
from peakid.serve.bundle.model_card import ModelFacts
from tests.serve.bundle.test_bundle import verified

IS_INSTALLED = all(importlib.util.find_spec(name) for name in ("model_signing", "OpenSSL"))
needs_extra = pytest.mark.skipif(not IS_INSTALLED, reason='needs pip install "peakid[sign]"')


def keys(folder, name):
    """Make a key as the help of the command says; return it and its public part."""
    private, public = folder / name, folder / f"{name}.pub"
    for command in (
        [*["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"], private],
        ["openssl", "ec", "-in", private, "-pubout", "-out", public],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return private, public


@needs_extra
@pytest.mark.slow
def test_a_signature_holds_until_a_file_changes(colour_export, tmp_path):
    private, public = keys(tmp_path, "signer")
    names = bundle.write(colour_export, tmp_path / "b.zip", ModelFacts("Colours"), key=private)
    assert "model.sig" in names
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(tmp_path / "b")
        assert "BEGIN" not in archive.read("model.sig").decode()
        assert "model.sig" in archive.read("MODEL_CARD.md").decode()
    done = verified(tmp_path / "b", "--public-key", str(public))
    assert (done.returncode, done.stderr) == (0, "")
    assert "The signature holds" in done.stdout
    assert "was not checked" in verified(tmp_path / "b").stdout
    tool = [sys.executable, "-m", "model_signing", "verify", "key", "--signature", "b/model.sig"]
    done = subprocess.run([*tool, "--public_key", public, "b"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "Verification succeeded\n"), done.stderr
    _, other = keys(tmp_path, "other")
    done = verified(tmp_path / "b", "--public-key", str(other))
    assert done.returncode == 1
    assert "does not hold" in done.stdout
    (tmp_path / "b" / "labels.txt").write_text("other")
    done = verified(tmp_path / "b", "--public-key", str(public))
    assert done.returncode == 1
    assert "does not hold" in done.stdout


@needs_extra
@pytest.mark.parametrize(
    "content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_not_a_key_is_refused_and_nothing_is_written(colour_export, tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(BadInput, match="is not a private key"):
        bundle.write(colour_export, tmp_path / "b.zip", ModelFacts("Colours"), key=tmp_path / "key")
    with pytest.raises(BadInput, match="There is no file"):
        bundle.write(colour_export, tmp_path / "b.zip", ModelFacts("Colours"), key=tmp_path / "missing")
    assert not (tmp_path / "b.zip").exists()


@pytest.mark.skipif(IS_INSTALLED, reason="model-signing is installed")
def test_without_the_package_it_says_how_to_install_it(tmp_path):
    with pytest.raises(ExtraMissing, match="peakid\\[sign\\]"):
        signing.signature({}, tmp_path / "key")


@pytest.mark.slow
def test_a_key_without_a_signature_is_not_accepted(colour_export, tmp_path):
    bundle.write(colour_export, tmp_path / "b.zip", ModelFacts("Colours"))
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(tmp_path / "b")
    done = verified(tmp_path / "b", "--public-key", "any.pub")
    assert done.returncode == 1
    assert "There is no signature" in done.stdout
