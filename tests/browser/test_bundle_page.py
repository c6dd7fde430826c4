"""The page of a bundle: it gives Pillow's pixels and the model's answers, and asks no other server."""

import base64
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from peakid.imaging import pixels
from peakid.records import Resize
from peakid.serve.bundle import bundle, golden, one_page
from peakid.serve.bundle.model_card import ModelFacts
from peakid.serve.predictor import Predictor

pytestmark = [pytest.mark.slow, pytest.mark.browser]

REDUCED_LEVELS = 8  # Of 255: a browser reduces the colours of a large JPEG after decoding, Pillow before.
ANSWER_TOLERANCE = 0.01  # Of a probability, as the page itself allows twice.


@pytest.fixture
def unpacked(colour_export: Path, tmp_path: Path) -> Path:
    bundle.write(colour_export, tmp_path / "colours.zip", ModelFacts("Colours"), threshold=0.5)
    with zipfile.ZipFile(tmp_path / "colours.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


@pytest.fixture
def address(unpacked: Path) -> Generator[str]:
    """Where the bundle's own server runs, without Peakid on its path."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        [sys.executable, "serve.py"],
        cwd=unpacked,
        env=environment | {"PORT": str(port)},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def opened(chromium: Browser, url: str, told: list[str]) -> Page:
    """Open the page on a phone; what it prints, and each address of another server, is appended to `told`."""
    page = chromium.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on(
        "request",
        lambda sent: None if sent.url.startswith((url, "blob:", "data:")) else told.append(sent.url),
    )
    page.goto(url)
    expect(page.get_by_text("It knows 3 classes: red, green, blue.")).to_be_visible()
    return page


def test_the_page_of_an_unpacked_bundle_answers_as_the_model_did(
    chromium: Browser, address: str, tmp_path: Path
) -> None:
    for name, colour in {"blue": (10, 40, 220), "grey": (90, 90, 90)}.items():
        Image.new("RGB", (300, 200), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "text.jpg").write_text("no picture")
    told: list[str] = []
    page = opened(chromium, f"{address}/", told)
    assert page.url == f"{address}/web/"
    page.get_by_role("button", name="Check this browser").click()
    expect(
        page.get_by_text("This browser answers as the model did where it was made: 15 pictures")
    ).to_be_visible()
    page.set_input_files("#files", [tmp_path / f"{name}" for name in ("blue.png", "grey.png", "text.jpg")])
    expect(page.get_by_role("heading", name="blue (81 %)")).to_be_visible()
    expect(page.get_by_role("heading", name="Not sure")).to_be_visible()
    expect(page.get_by_role("heading", name="This file cannot be read")).to_be_visible()
    expect(page.locator("article ol")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert told == []
    assert "Failed to fetch" in page.evaluate("fetch('http://127.0.0.2:9/').catch((error) => error.message)")
    page.close()
    # Nothing but what the page reads is served.
    for path in ("/model.py", "/../card.json", "/web/../verify.py"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}{path}", timeout=5)


def test_a_damaged_browser_is_noticed(chromium: Browser, address: str, unpacked: Path) -> None:
    answers = unpacked / "golden" / "answers.json"
    answers.write_text(answers.read_text().replace("0.3", "0.4"))
    page = opened(chromium, f"{address}/", [])
    page.get_by_role("button", name="Check this browser").click()
    expect(page.get_by_text("This browser answers differently")).to_be_visible()
    page.close()


def test_one_file_opens_without_a_server(chromium: Browser, unpacked: Path, tmp_path: Path) -> None:
    contents = {
        each.relative_to(unpacked).as_posix(): each.read_bytes()
        for each in unpacked.rglob("*")
        if each.is_file()
    }
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "model.html").write_bytes(one_page.html(contents))
    told: list[str] = []
    page = opened(chromium, (tmp_path / "alone" / "model.html").as_uri(), told)
    page.get_by_role("button", name="Check this browser").click()
    expect(
        page.get_by_text("This browser answers as the model did where it was made: 15 pictures")
    ).to_be_visible()
    assert told == []
    page.close()


def test_a_photo_like_nothing_it_learned_is_named(
    chromium: Browser, colour_export: Path, tmp_path: Path
) -> None:
    learn(colour_export)
    bundle.write_page(colour_export, tmp_path / "model.html", ModelFacts("Colours"))
    for name, colour in {"blue": (10, 10, 220), "grey": (90, 90, 91)}.items():
        Image.new("RGB", (300, 200), colour).save(tmp_path / f"{name}.png")
    page = opened(chromium, (tmp_path / "model.html").as_uri(), [])
    page.set_input_files("#files", [tmp_path / "blue.png", tmp_path / "grey.png"])
    expect(page.get_by_role("heading", name="blue (92 %)")).to_be_visible()
    expect(page.get_by_role("heading", name="Looks like nothing it learned")).to_be_visible()
    asked = """async (embedding) => {
      const { Learned } = await import("familiar");
      const inside = document.querySelector('script[data-name="familiar.safetensors"]').textContent;
      return new Learned(Uint8Array.from(atob(inside), (each) => each.charCodeAt(0))).distance(embedding);
    }"""
    for embedding in ((200.0, 10, 30), (3, 4, 5), (0, 0, 0)):
        assert page.evaluate(asked, embedding) == pytest.approx(distance(embedding), rel=1e-6)
    page.close()


LEARNED = {
    "means": np.eye(3, dtype=np.float32) * np.float32(0.99),
    "directions": np.array([[0.6, 0.8, 0]], dtype=np.float32),
    "variances": np.array([0.02], dtype=np.float32),
    "rest": np.array([0.01], dtype=np.float32),
    "threshold": np.array([3], dtype=np.float32),
    "quantiles": np.linspace(0, 4, 9, dtype=np.float32),
}


def learn(folder: Path) -> None:
    """Give the export the mean colour as embedding, and what it learned: nearly pure colours."""
    import onnx
    from safetensors.numpy import save_file

    model = onnx.load(folder / "model.onnx")
    model.graph.node.append(onnx.helper.make_node("Identity", ["means"], ["embedding"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("embedding", 1, ["batch", 3]))
    onnx.save(model, folder / "model.onnx")
    save_file(LEARNED, folder / "familiar.safetensors")
    card = json.loads((folder / "card.json").read_text())
    card["files"] = [
        {"name": name, "format": kind, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for name, kind in (("model.onnx", "onnx"), ("familiar.safetensors", "familiar"))
    ]
    (folder / "card.json").write_text(json.dumps(card))


def distance(embedding: tuple[float, ...]) -> float:
    """Return the distance of Mahalanobis from the nearest mean, from the inverse of the whole covariance."""
    unit = np.array(embedding) / max(float(np.linalg.norm(embedding)), 1e-12)
    direction = LEARNED["directions"][0].astype(float)
    direction_part = np.outer(direction, direction)
    inverse = direction_part / 0.02 + (np.eye(3) - direction_part) / 0.01
    away = unit - LEARNED["means"].astype(float)
    return float(np.sqrt(np.einsum("ki,ij,kj->k", away, inverse, away).min()))


def test_a_page_opened_from_its_folder_says_what_it_needs(chromium: Browser, unpacked: Path) -> None:
    page = chromium.new_page()
    page.goto((unpacked / "web" / "index.html").as_uri())
    expect(page.get_by_text("Open this page through a server")).to_be_visible()
    page.close()


PIXELS = """async ([content, size, mode]) => {
  const [{ decode }, { preprocess }] = [await import("decode"), await import("preprocess")];
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const found = preprocess(await decode(bytes, size, mode), size, mode);
  return btoa(Array.from(found, (value) => String.fromCharCode(value)).join(""));
}"""
RESIZED = """async ([content, width, height, outWidth, outHeight, box]) => {
  const { resized } = await import("preprocess");
  const image = { data: Uint8Array.from(content), width, height };
  return Array.from(resized(image, outWidth, outHeight, box).data);
}"""


def test_its_pixels_are_those_of_training(chromium: Browser, address: str) -> None:
    page = opened(chromium, f"{address}/", [])
    sizes: dict[Resize, int] = {"crop": 224, "squish": 96, "pad": 61}
    for name, content in (golden.pictures() | made()).items():
        for resize, size in sizes.items():
            expected = pixels.preprocess(content, size_px=size, resize=resize).astype(int)
            encoded = base64.b64encode(content).decode()
            answer = base64.b64decode(page.evaluate(PIXELS, [encoded, size, resize]))
            found = np.frombuffer(answer, dtype=np.uint8).reshape(expected.shape)
            difference = np.abs(found - expected)
            if is_reduced(content, size, resize):
                assert difference.max() <= REDUCED_LEVELS, (name, resize)
                assert difference.mean() < 1, (name, resize)
            else:
                assert difference.max() <= (1 if "transparent" in name else 0), (name, resize)
    page.close()


def test_its_resize_is_that_of_pillow(chromium: Browser, address: str) -> None:
    rng = np.random.default_rng(3)
    page = opened(chromium, f"{address}/", [])
    for width, height, out in (
        (40, 31, (224, 224)),
        (301, 77, (64, 50)),
        (5, 200, (3, 3)),
        (64, 64, (64, 64)),
    ):
        image = rng.integers(0, 2, (height, width, 3), dtype=np.uint8) * 255  # The hardest: it overshoots.
        box = (0.5, 1, width - 1.5, height - 0.5)
        expected = np.asarray(Image.fromarray(image).resize(out, Image.Resampling.BICUBIC, box=box))
        found = page.evaluate(RESIZED, [image.ravel().tolist(), width, height, *out, list(box)])
        assert np.array_equal(np.reshape(found, expected.shape), expected)
    page.close()


def made() -> dict[str, bytes]:
    """Return pictures that browsers and Pillow could take differently."""
    drawn = Image.open(io.BytesIO(golden.pictures()["scene0.jpg"]))
    found = {
        "progressive": saved(drawn, "JPEG", progressive=True),
        "full colours": saved(drawn, "JPEG", subsampling=0),
        "CMYK": saved(drawn.convert("CMYK").resize((97, 80)), "JPEG"),
        "XMP": saved(drawn, "JPEG", xmp=b'<rdf:Description tiff:Orientation="8"/>'),
        "profile": saved(drawn, "PNG", icc_profile=b"not a profile"),
        "animation": saved(
            drawn.quantize(32), "GIF", save_all=True, append_images=[Image.new("P", drawn.size)]
        ),
        "transparent logo": saved(logo(), "PNG"),
    }
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind in ("JPEG", "PNG", "WEBP"):
            options = {"lossless": True} if kind == "WEBP" else {}
            found[f"{kind} {orientation}"] = saved(drawn.resize((97, 60)), kind, exif=exif, **options)
    return found


def logo() -> Image.Image:
    """Draw white on transparent ground, which is put on black."""
    found = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    found.paste("white", (10, 10, 40, 40))
    return found


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def is_reduced(content: bytes, size_px: int, resize: Resize) -> bool:
    """Return whether Pillow reduces that JPEG while it decodes it."""
    image = Image.open(io.BytesIO(content))
    side = max(image.size) if resize == "pad" else min(image.size)
    return image.format == "JPEG" and side >= 4 * size_px


def test_it_answers_as_python_on_real_photos(
    chromium: Browser, address: str, colour_export: Path, real_data: Path
) -> None:
    photos = sorted((real_data / "data" / "otters").glob("*/*"))[::12]
    assert len(photos) > 20
    page = opened(chromium, f"{address}/", [])
    asked = """async (contents) => {
      const { Model } = await import("model");
      const model = await Model.load(async (name) =>
        new Uint8Array(await (await fetch(`../${name}`)).arrayBuffer()));
      const bytes = (content) => Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
      const found = [];
      for (const each of contents) found.push(await model.probabilities(bytes(each)));
      return found;
    }"""
    found = page.evaluate(asked, [base64.b64encode(each.read_bytes()).decode() for each in photos])
    predictor = Predictor(colour_export)
    expected = predictor.predict([each.read_bytes() for each in photos], top=3)
    for photo, row, prediction in zip(photos, found, expected, strict=True):
        of = dict(prediction.top)
        for name, probability in zip(predictor.class_names, row, strict=True):
            assert probability == pytest.approx(of[name], abs=ANSWER_TOLERANCE), photo.name
    page.close()
