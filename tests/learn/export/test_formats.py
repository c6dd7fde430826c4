"""Each export format holds the same model: the same probabilities at its temperature, for any batch."""

import dataclasses
import functools
import json
import pickletools
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from peakid.errors import BadInput, ExtraMissing
from peakid.imaging import pixels
from peakid.learn.export import export, formats
from peakid.learn.export.by_format import int8, onnx_file, torchscript
from peakid.learn.export.trained import ExportedModel, TrainedModel
from peakid.learn.network import model as models
from peakid.learn.network.model import Card
from peakid.recipe import export_formats
from peakid.recipe.export_formats import EXACT, FILE_NAMES, FORMATS, Format
from tests.learn.colours import drawn

SIZE_PX, TEMPERATURE = 32, 1.7
NAMES = ["moss", "rust", "Säntis / 東"]


def card_of(**changes: object) -> Card:
    card = Card(
        arch="small_resnet",
        class_names=NAMES,
        image_size_px=SIZE_PX,
        resize="crop",
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.25, 0.3),
        pixels_version=pixels.VERSION,
        recipe={},
        pretrained="none",
        libraries={},
        temperature=TEMPERATURE,
    )
    return dataclasses.replace(card, **changes)


@functools.cache
def network() -> torch.nn.Sequential:
    """A network after a few steps of training: its answers differ from photo to photo."""
    torch.manual_seed(3)
    found = models.build("small_resnet", n_classes=len(NAMES)).train()
    optimiser = torch.optim.Adam(found.parameters(), lr=2e-3)
    batch = models.normalise(torch.from_numpy(photos().copy()), card_of())
    for _ in range(12):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(found(batch), torch.arange(len(batch)) % 2).backward()
        optimiser.step()
    return found.eval()


@functools.cache
def photos() -> np.ndarray:
    """Eleven drawn photos as canonical pixels, uint8 (11, S, S, 3)."""
    read = [drawn("moss" if n % 2 else "rust", n) for n in range(11)]
    return np.stack([pixels.preprocess(data, size_px=SIZE_PX, resize="crop") for data in read])


def trained(folder: Path, card: Card | None = None) -> TrainedModel:
    def calibration() -> Iterator[np.ndarray]:
        return iter((photos()[:6], photos()[6:]))

    return TrainedModel(network(), card or card_of(), folder, threshold=0.4, calibration=calibration)


def expected(batch: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return ExportedModel(network(), card_of())(torch.from_numpy(batch.copy())).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_gives_the_networks_probabilities_for_any_number_of_images(
    name: Format, tmp_path: Path
) -> None:
    if not export_formats.is_available(name):
        pytest.skip(f"{export_formats.install_command(name)} is not installed")
    file = tmp_path / FILE_NAMES[name]
    formats.WRITERS[name](trained(tmp_path), file)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(export_formats.files_of(name))
    predict, want = formats.READERS[name](file, card_of()), expected(photos())
    assert np.ptp(want, axis=0).max() > 0.1  # Photos that all get the same answer would prove nothing.
    for n in (1, 2, 7, 11):
        found = predict(photos()[:n])
        assert (found.shape, found.dtype) == ((n, 3), np.float32)
        assert np.abs(found - want[:n]).max() < (1e-5 if name in EXACT else 0.1)
    assert (
        np.abs(want - torch.softmax(torch.from_numpy(want).log() * TEMPERATURE, dim=1).numpy()).max() > 0.01
    )


@pytest.mark.slow
def test_the_onnx_files_name_classes_preprocessing_temperature_and_threshold(tmp_path: Path) -> None:
    for writer, name in ((onnx_file.write, "onnx"), (int8.write, "onnx-int8")):
        writer(trained(tmp_path), tmp_path / FILE_NAMES[name])
        said = {each.key: each.value for each in onnx.load(tmp_path / FILE_NAMES[name]).metadata_props}
        assert json.loads(said["class_names"]) == NAMES
        assert (json.loads(said["mean"]), json.loads(said["std"])) == ([0.4, 0.5, 0.6], [0.2, 0.25, 0.3])
        assert (said["image_size_px"], said["resize"], said["scale"]) == (str(SIZE_PX), "crop", "255")
        assert (json.loads(said["temperature"]), json.loads(said["threshold"])) == (TEMPERATURE, 0.4)
        assert json.loads(said["peakid"])["class_names"] == NAMES
    assert said["quantised"] == "int8"


@pytest.mark.slow
def test_int8_keeps_the_last_layer_and_the_first_ones_before_depthwise_convolutions_in_32_bits() -> None:
    groups = {"stem": 1, "depth 1": 8, "point 1": 1, "depth 2": 8, "point 2": 1}
    nodes = [
        onnx.helper.make_node("Conv", ["x", f"{name}.weight"], ["y"], name=name, group=group)
        for name, group in groups.items()
    ]
    nodes += [onnx.helper.make_node("Gemm", ["x", "w"], ["y"], name=name) for name in ("hidden", "classes")]
    graph = onnx.helper.make_graph(nodes, "network", [], [])
    assert int8._special_layers(onnx.helper.make_model(graph)) == (
        ["depth 2.weight"],
        ["stem", "depth 1", "point 1", "classes"],
    )
    plain = onnx.helper.make_graph([nodes[0], nodes[-1]], "network", [], [])
    assert int8._special_layers(onnx.helper.make_model(plain)) == ([], ["classes"])


def test_the_weights_of_an_int8_file_have_eight_bits_with_a_scale_for_each_channel(tmp_path: Path) -> None:
    onnx_file.write(trained(tmp_path), tmp_path / FILE_NAMES["onnx"])
    int8.write(trained(tmp_path), tmp_path / FILE_NAMES["onnx-int8"])
    small, large = (tmp_path / FILE_NAMES[name] for name in ("onnx-int8", "onnx"))
    assert small.stat().st_size < 0.4 * large.stat().st_size
    graph = onnx.load(small).graph
    n_int8 = [each for each in graph.initializer if each.data_type == onnx.TensorProto.INT8]
    n_int8 = [each for each in n_int8 if len(each.dims) == 4]
    scales = {each.name: each.dims for each in graph.initializer if each.name.endswith("_scale")}
    per_channel = [each for each in n_int8 if any(list(dims) == [each.dims[0]] for dims in scales.values())]
    assert len(n_int8) == len(per_channel) > 4


@pytest.mark.slow
def test_an_int8_file_without_training_images_is_refused(tmp_path: Path) -> None:
    without = TrainedModel(network(), card_of(), tmp_path)
    with pytest.raises(BadInput, match="needs training images"):
        int8.write(without, tmp_path / FILE_NAMES["onnx-int8"])


LANDMARK_APP = """
import sys, torch
import numpy as np
assert "peakid" not in sys.modules
predictor = torch.jit.load(sys.argv[1])
photo = torch.from_numpy(np.load(sys.argv[2])).permute(2, 0, 1)[None]
answers = [predictor(photo.float() / 255), predictor(photo), predictor(torch.cat([photo, photo]))]
assert all(torch.allclose(each[0], answers[0][0], atol=1e-6) for each in answers)
assert answers[2].shape == (2, 3)
print(predictor.class_names, *answers[0][0].tolist(), sep="|")
"""


@pytest.mark.slow
def test_torchscript_takes_a_photo_as_it_is_and_names_its_classes_without_peakid(tmp_path: Path) -> None:
    """As an application for a scripted landmark classifier uses it: `load`, `class_names`, a float tensor."""
    file = tmp_path / FILE_NAMES["torchscript"]
    formats.WRITERS["torchscript"](trained(tmp_path), file)
    photo = np.random.default_rng(5).integers(0, 256, (81, 120, 3), dtype=np.uint8)
    np.save(tmp_path / "photo.npy", photo)
    said = _run(tmp_path, LANDMARK_APP, str(file), str(tmp_path / "photo.npy")).split("|")
    want = expected(pixels.fit(Image.fromarray(photo), size_px=SIZE_PX, resize="crop")[None])[0]
    assert said[0] == str(NAMES)
    assert np.array([float(each) for each in said[1:]]) == pytest.approx(want, abs=2e-3)


@pytest.mark.parametrize("resize", ["crop", "squish", "pad"])
@pytest.mark.parametrize(
    "size", [(32, 32), (101, 77), (77, 101), (60, 200), (40, 33), (9, 21), (640, 427), (1, 1)]
)
def test_torchscript_resizes_as_training_does(resize: str, size: tuple[int, int]) -> None:
    """Within one level of 255, and nearly always the same: Pillow rounds its weights to 22 bits."""
    predictor = torchscript.PhotoPredictor(torch.nn.Identity(), card_of(resize=resize))
    wide, high = size
    photo = np.random.default_rng(7).integers(0, 256, (high, wide, 3), dtype=np.uint8)
    want = pixels.fit(Image.fromarray(photo), size_px=SIZE_PX, resize=resize).astype(int)
    found = predictor.fitted(torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255)
    differences = np.abs(found[0].permute(1, 2, 0).numpy() * 255 - want).round()
    assert differences.max() <= 1
    assert differences.mean() < 0.01


FASTAI_APP = """
import sys, warnings
warnings.simplefilter("ignore")
from fastai.learner import load_learner
from fastai.callback import progress
learner = load_learner(sys.argv[1])
assert "peakid" not in sys.modules
with learner.no_bar():
    name, index, probabilities = learner.predict(sys.argv[2])
print(name, list(learner.dls.vocab), *probabilities.tolist(), sep="|")
"""


@pytest.mark.slow
def test_an_export_pkl_predicts_in_a_program_that_has_fastai_and_not_peakid(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAMES["fastai"]
    formats.WRITERS["fastai"](trained(tmp_path), file)
    with zipfile.ZipFile(file) as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        words = [str(argument) for _, argument, _ in pickletools.genops(archive.read(pickled))]
    assert any(each.startswith("fastai") for each in words)
    assert not [each for each in words if each.startswith(("peakid.", "peakid\n"))]
    turned = Image.new("RGB", (48, 64), (30, 160, 60))
    turned.paste((200, 70, 40), (0, 0, 48, 32))
    exif = Image.Exif()
    exif[pixels.ORIENTATION_TAG] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    said = _run(tmp_path, FASTAI_APP, str(file), str(tmp_path / "turned.png")).split("|")
    data = (tmp_path / "turned.png").read_bytes()
    want = expected(pixels.preprocess(data, size_px=SIZE_PX, resize="crop")[None])[0]
    assert (said[0], said[1]) == (NAMES[int(want.argmax())], str(NAMES))
    assert np.array([float(each) for each in said[2:]]) == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7, 8.0])
def test_the_predictions_of_a_run_are_compared_at_the_temperature(temperature: float) -> None:
    logits = np.array([[0.0, 1.0, -2.0], [5.0, 5.0, -70.0], [-9.0, 30.0, 0.0]])
    run = torch.from_numpy(logits).softmax(dim=1).float().numpy()
    want = torch.from_numpy(logits / temperature).softmax(dim=1).numpy()
    assert export.scaled(run, temperature) == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("name", ["openvino", "litert"])
def test_a_format_without_its_packages_is_refused_with_the_command_that_installs_them(name: str) -> None:
    if export_formats.is_available(name):
        pytest.skip(f"{name} is installed")
    with pytest.raises(ExtraMissing, match=f"format {name} needs .*: not installed") as caught:
        export_formats.refuse_unavailable(["onnx", name])
    assert export_formats.install_command(name) in caught.value.remedy


def test_every_format_has_a_writer_a_reader_a_file_and_words() -> None:
    for table in (formats.WRITERS, formats.READERS, FILE_NAMES, export_formats.TITLES, export_formats.USES):
        assert set(table) == set(FORMATS)
    names = [file for name in FORMATS for file in export_formats.files_of(name)]
    assert len(set(names)) == len(names)
    assert set(FORMATS) - EXACT == {"onnx-int8"}


def _run(folder: Path, program: str, *arguments: str) -> str:
    """Run a program in a new process, outside the project, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]
