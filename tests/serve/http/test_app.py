"""The prediction server: what each route returns, and what it refuses, over HTTP without a network."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from peakid import public_fetch
from peakid.public_fetch import Fetched
from peakid.serve.http import app, openapi
from peakid.serve.http.limits import Limits
from peakid.serve.http.options import ServerOptions
from peakid.serve.predictor import Predictor
from tests import hostile_images

COLOURS = {"red": (200, 30, 20), "green": (20, 210, 30), "blue": (10, 40, 220)}


def photo(name: str, *, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), COLOURS[name]).save(out, kind)
    return out.getvalue()


@pytest.fixture
def client(colour_export):
    with TestClient(app.build(colour_export), base_url="http://localhost:8600") as opened:
        yield opened


def opened_with(folder, **options):
    return TestClient(app.build(folder, ServerOptions(**options)), base_url="http://localhost:8600")


def test_each_photo_of_a_form_gets_what_the_predictor_says(client, colour_export):
    contents = [photo("blue"), photo("red", kind="JPEG"), photo("green")]
    files = [("file", (f"{n}.png", content, "image/png")) for n, content in enumerate(contents)]
    response = client.post("/predict?top=2", files=files)
    expected = Predictor(colour_export).predict(contents, top=2)
    assert response.status_code == 200
    found = response.json()["predictions"]
    assert [each["name"] for each in found] == ["0.png", "1.png", "2.png"]
    assert [each["label"] for each in found] == ["blue", "red", "green"]
    for one, other in zip(found, expected, strict=True):
        assert one["confidence"] == pytest.approx(other.confidence, abs=1e-6)
        assert [each["label"] for each in one["top"]] == [label for label, _ in other.top]
        assert not one["abstained"]


def test_a_photo_can_be_the_body(client):
    response = client.post("/predict", content=photo("green"), headers={"content-type": "image/png"})
    assert response.json()["predictions"][0]["label"] == "green"


def test_the_shape_of_earlier_applications_is_kept(client):
    response = client.post("/upload", files={"file": ("a.png", photo("blue"), "image/png")})
    document = response.json()
    assert set(document) == {"prediction", "probabilities"}
    assert document["prediction"] == "blue"
    names, shares = zip(*document["probabilities"], strict=True)
    assert sorted(names) == ["blue", "green", "red"]
    assert list(shares) == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_below_the_threshold_no_label_is_given(colour_export):
    with opened_with(colour_export, threshold=0.99) as client:
        [found] = client.post("/predict", files={"file": photo("red")}).json()["predictions"]
    assert (found["label"], found["abstained"]) == (None, True)
    assert found["top"][0]["label"] == "red"


@pytest.mark.parametrize("name", ["text named .jpg", "cut JPEG", "empty"])
def test_a_file_that_cannot_be_read_is_told_and_the_others_are_predicted(client, name):
    bad = {"text named .jpg": b"no picture", "cut JPEG": photo("red", kind="JPEG")[:120], "empty": b""}[name]
    files = [("a", ("bad.jpg", bad, "image/jpeg")), ("b", ("good.png", photo("red"), "image/png"))]
    refused, predicted = client.post("/predict", files=files).json()["predictions"]
    assert (refused["name"], refused["label"], refused["confidence"]) == ("bad.jpg", None, None)
    assert refused["error"]
    assert predicted["label"] == "red"
    assert client.post("/upload", files={"file": ("bad.jpg", bad)}).status_code == 422


def test_a_picture_of_too_many_pixels_is_refused_and_the_server_goes_on(client):
    wide = hostile_images.png(40_000, 40_000, channels=1, bits=1, n_rows=1)
    found = client.post("/predict", files={"file": wide}).json()["predictions"][0]
    assert "pixels" in found["error"]
    assert client.post("/predict", files={"file": photo("red")}).json()["predictions"][0]["label"] == "red"


@pytest.mark.parametrize(
    ("request_of", "status", "words"),
    [
        (
            lambda c: c.post("/predict", content=b"x" * 3000, headers={"content-type": "image/png"}),
            413,
            "exceeds",
        ),
        (lambda c: c.post("/predict", files=[("f", b"1")] * 4), 400, "Too many files"),
        (lambda c: c.post("/predict", data={"a": "b"}), 415, "multipart/form-data"),
        (lambda c: c.post("/predict", data={"a": "b"}, files={}), 415, "multipart/form-data"),
        (
            lambda c: c.post("/predict", content=b"--x", headers={"content-type": "multipart/form-data"}),
            400,
            "form",
        ),
        (lambda c: c.post("/predict?top=0", files={"f": b"1"}), 400, "whole number"),
        (lambda c: c.post("/predict?top=" + "9" * 400, files={"f": b"1"}), 400, "whole number"),
        (lambda c: c.get("/predict"), 405, ""),
        (lambda c: c.get("/nothing"), 404, ""),
        (lambda c: c.get("/classify-url"), 400, "?url="),
        (lambda c: c.get("/classify-url", params={"url": "http://127.0.0.1:22/"}), 400, "not public"),
        (
            lambda c: c.get("/classify-url", params={"url": "http://169.254.169.254/latest"}),
            400,
            "not public",
        ),
        (lambda c: c.get("/classify-url", params={"url": "http://[::ffff:127.0.0.1]/"}), 400, "not public"),
        (lambda c: c.get("/classify-url", params={"url": "file:///etc/passwd"}), 400, "http"),
        (lambda c: c.get("/health", headers={"host": "evil.example"}), 403, "Unknown host"),
        (lambda c: c.get("/health", headers={"host": "127.0.0.1.evil.example"}), 403, "Unknown host"),
    ],
)
def test_a_refused_request_gets_its_status_and_a_reason(colour_export, request_of, status, words):
    limits = Limits(max_body_bytes=2000, max_files=3)
    with opened_with(colour_export, limits=limits) as client:
        response = request_of(client)
        assert response.status_code == status
        assert words in response.json()["message"]
        assert client.get("/health").status_code == 200


def test_a_body_without_a_declared_length_is_limited_too(colour_export):
    with opened_with(colour_export, limits=Limits(max_body_bytes=2000)) as client:
        parts = iter([b"x" * 1000] * 5)
        response = client.post("/predict", content=parts, headers={"content-type": "image/png"})
    assert response.status_code == 413


def test_names_of_its_own_are_accepted_and_all_where_none_are_given(colour_export):
    with opened_with(colour_export, own_hosts=("photos.example",)) as client:
        assert client.get("/health", headers={"host": "photos.example:8600"}).status_code == 200
        assert client.get("/health", headers={"host": "other.example"}).status_code == 403
    with opened_with(colour_export, own_hosts=None) as client:
        assert client.get("/health", headers={"host": "other.example"}).status_code == 200


def test_the_model_is_described(client, colour_export):
    card = json.loads((colour_export / "card.json").read_text())
    document = client.get("/model").json()
    assert document["class_names"] == card["class_names"]
    assert document["sha256"] == card["files"][0]["sha256"]
    assert document["threshold"] == 0


def test_the_counters_tell_requests_and_outcomes_without_what_clients_sent(client):
    client.post("/predict", files={"file": ("secret-name.png", photo("red"), "image/png")})
    client.post("/predict", files={"file": ("bad.png", b"no picture", "image/png")})
    client.get("/secret-path")
    text = client.get("/metrics").text
    assert 'peakid_requests_total{path="/predict",status="200"} 2.0' in text
    assert 'peakid_requests_total{path="other",status="404"} 1.0' in text
    assert 'peakid_predictions_total{outcome="predicted"} 1.0' in text
    assert 'peakid_predictions_total{outcome="unreadable"} 1.0' in text
    assert "peakid_batch_images_sum 1.0" in text
    assert "secret" not in text


def test_every_route_is_described_and_every_description_has_a_route(client):
    described = openapi.document(Limits())["paths"]
    served = {
        (route.path, method.lower())
        for route in client.app.routes
        for method in route.methods
        if method != "HEAD" and not route.path.endswith((".js", ".css"))
    }
    assert served == {(path, method) for path, methods in described.items() for method in methods}
    assert client.get("/openapi.json").json()["openapi"] == "3.1.0"


def test_the_page_and_its_files_are_served_without_sources_of_others(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name in ("page.js", "page.css"):
        assert name in page.text
        assert client.get(f"/{name}").status_code == 200
    assert "http" not in page.text.replace("<!doctype html>", "")


def test_many_photos_at_once_share_batches(colour_export):
    rng = np.random.default_rng(0)
    names = rng.choice(list(COLOURS), 40).tolist()
    with opened_with(colour_export) as client:
        files = [("f", (name, photo(name), "image/png")) for name in names]
        found = client.post("/predict", files=files).json()["predictions"]
        assert [each["label"] for each in found] == names


def test_an_occlusion_map_says_where_a_prediction_comes_from(client):
    out = io.BytesIO()
    picture = Image.new("RGB", (40, 40), COLOURS["red"])
    picture.paste(COLOURS["blue"], (0, 0, 10, 10))
    picture.save(out, "PNG")
    files = {"file": out.getvalue()}
    found = client.post("/occlusion?label=blue", files=files).json()
    assert found["label"] == "blue"
    assert np.unravel_index(np.argmax(found["rows"]), (8, 8)) in [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert client.post("/occlusion", files=files).json()["label"] == "red"
    assert client.post("/occlusion?label=cat", files=files).status_code == 400
    assert client.post("/occlusion", files={"file": b"no picture"}).status_code == 422


def test_the_shape_of_earlier_applications_is_kept_also_for_a_url(colour_export, monkeypatch):
    async def fetched(url, **_):
        return Fetched(url, photo("green"), "image/png")

    monkeypatch.setattr(public_fetch, "fetch", fetched)
    with opened_with(colour_export) as client:
        document = client.get("/classify-url", params={"url": "https://photos.example/a.png"}).json()
    assert list(document) == ["prediction", "probabilities"]
    assert document["prediction"] == "green"
    assert [len(each) for each in document["probabilities"]] == [2, 2, 2]


def test_the_description_is_valid_for_another_program():
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(openapi.document(Limits()))


def test_answers_are_as_described(client):
    """The required keys of each schema are there, and no key is undescribed."""
    described = client.get("/openapi.json").json()["paths"]

    def keys(path, method="get"):
        answer = described[path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        return set(answer.get("required", [])), set(answer["properties"])

    sent = {"file": photo("red")}
    for path, answer in {
        "/upload": client.post("/upload", files=sent),
        "/predict": client.post("/predict", files=sent),
        "/occlusion": client.post("/occlusion", files=sent),
        "/model": client.get("/model"),
        "/health": client.get("/health"),
    }.items():
        required, known = keys(path, answer.request.method.lower())
        assert required <= set(answer.json()) <= known, path
