"""A bundle tells unfamiliar photos as Peakid does, without Peakid."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from peakid.serve.bundle import bundle
from peakid.serve.bundle.model_card import ModelFacts
from peakid.serve.predictor import Predictor
from tests import familiar_export

COLOURS = [(200, 10, 10), (120, 120, 120), (10, 150, 20), (200, 100, 10), (200, 60, 30)]
SCRIPT = """
import sys
from pathlib import Path
from model import Model
model = Model()
for name in sys.argv[1:]:
    print(model.is_unfamiliar(Path(name).read_bytes()))
"""


def told(folder: Path, photos: list[Path]) -> list[bool]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", SCRIPT, *map(str, photos)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return [line == "True" for line in done.stdout.split()]


@pytest.mark.slow
def test_a_bundle_calls_the_same_photos_unfamiliar_as_the_export(colour_export: Path, tmp_path: Path) -> None:
    photos = []
    for n, colour in enumerate(COLOURS):
        photos.append(tmp_path / f"{n}.png")
        photos[-1].write_bytes(familiar_export.photo(*colour))
    for name, changes in (("without", lambda: None), ("with", lambda: add(colour_export))):
        changes()
        bundle.write(colour_export, tmp_path / f"{name}.zip", ModelFacts(title="Colours"))
        with zipfile.ZipFile(tmp_path / f"{name}.zip") as archive:
            archive.extractall(tmp_path / name)
        expected = Predictor(colour_export).predict([each.read_bytes() for each in photos])
        assert told(tmp_path / name, photos) == [each.is_unfamiliar for each in expected]
    assert {each.is_unfamiliar for each in expected} == {True, False}
    assert "familiar.safetensors" in (tmp_path / "with" / "checksums.txt").read_text()


def add(folder: Path) -> None:
    familiar_export.add_reference(folder)
