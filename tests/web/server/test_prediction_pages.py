"""The prediction page of an export inside the app: its address, its checks, and what it stores."""

import io
import threading
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from peakid.settings import Settings
from peakid.store import exports
from peakid.store.workspace import Workspace
from peakid.web import workspace_address
from peakid.web.server.guard import Guard
from peakid.web.server.prediction_pages import PredictionPages
from peakid.web.workspace_address import WorkspaceAddress

COLOURS = {"red": (200, 30, 20), "green": (20, 210, 30), "blue": (10, 40, 220)}
FILES = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 1}]


def photo(name: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), COLOURS[name]).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def export_id(workspace: Workspace, frozen, add_run, colour_export: Path) -> int:
    parity = {"onnx": {"n_images": 4, "max_abs_diff": 0.0, "agreement": 1.0}}
    run_id = add_run(frozen)
    return exports.add(workspace, run_id=run_id, path=colour_export, files=FILES, parity=parity).export_id


@pytest.fixture
def client(workspace: Workspace):
    """The app around the pages, with an answer of Streamlit for every other address."""
    app = Starlette(
        routes=[Route("/{path:path}", lambda request: PlainTextResponse("of Streamlit"))],
        middleware=[
            Middleware(Guard),
            Middleware(WorkspaceAddress),
            Middleware(PredictionPages, workspace=lambda request: workspace),
        ],
    )
    with TestClient(app, base_url="http://localhost:8501") as client:
        yield client


def test_an_export_has_its_page_and_its_api(client, export_id):
    base = f"/models/{export_id}/"
    page = client.get(base, headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert client.get(f"{base}page.js").status_code == 200
    model = client.get(f"{base}model").json()
    assert model["title"] == f"Export {export_id} of Run 1"
    [found] = client.post(f"{base}predict", files={"file": photo("blue")}).json()["predictions"]
    assert found["label"] == "blue"
    assert client.get(f"{base}nothing").status_code == 404
    assert 'path="/predict",status="200"' in client.get(f"{base}metrics").text


def test_addresses_beside_it_are_those_of_the_app(client, export_id):
    assert client.get("/models").text == "of Streamlit"
    assert client.get(f"/models/{export_id}x/").text == "of Streamlit"
    response = client.get(f"/models/{export_id}", follow_redirects=False)
    assert response.headers["location"] == f"/models/{export_id}/"


def test_another_workspace_has_a_prefix(client, export_id, workspace, monkeypatch):
    monkeypatch.setattr(
        workspace_address, "_known", {workspace_address.key_of(workspace.path): workspace.path}
    )
    prefix = f"/w/{workspace_address.key_of(workspace.path)}"
    response = client.get(f"{prefix}/models/{export_id}", follow_redirects=False)
    assert response.headers["location"] == f"{prefix}/models/{export_id}/"
    files = {"file": photo("red")}
    found = client.post(f"{prefix}/models/{export_id}/predict", files=files).json()["predictions"]
    assert found[0]["label"] == "red"


@pytest.mark.parametrize("number", ["99", "999999999999999999"])
def test_an_unknown_export_is_told_to_people_and_to_programs(client, export_id, number):
    told = client.get(f"/models/{number}/", headers={"accept": "text/html"})
    assert told.status_code == 404
    assert f"no export {number}" in told.text
    assert 'href="/models"' in told.text
    document = client.post(f"/models/{number}/predict", files={"file": photo("red")})
    assert (document.status_code, document.json()["error"]) == (404, "NotFound")


def test_it_is_behind_the_checks_of_the_app(client, export_id):
    base = f"/models/{export_id}/"
    files = {"file": photo("red")}
    assert client.get(base, headers={"host": "evil.example"}).status_code == 403
    refused = client.post(f"{base}predict", files=files, headers={"origin": "http://evil.example"})
    assert refused.status_code == 403


def test_it_asks_for_the_password_of_the_app(workspace, export_id, monkeypatch):
    monkeypatch.setenv("PEAKID_PASSWORD", "a long password")
    app = Guard(PredictionPages(Starlette(), workspace=lambda request: workspace))
    with TestClient(app, base_url="http://localhost:8501") as client:
        base = f"/models/{export_id}/"
        page = client.get(base, headers={"accept": "text/html"}, follow_redirects=False)
        assert (page.status_code, page.headers["location"][:7]) == (303, "/login?")
        assert client.post(f"{base}predict", files={"file": photo("red")}).status_code == 401
        form = {"password": "a long password", "next": base}
        client.post("/login", data=form, headers={"origin": "http://localhost:8501"})
        assert client.get(f"{base}health").status_code == 200


def test_photos_are_stored_only_where_feedback_is_switched_on(client, export_id, workspace, monkeypatch):
    data = {"class_name": "green", "predicted": "blue", "confidence": "0.6"}
    before = sorted(path for path in workspace.path.rglob("*") if path.is_file())
    url = f"/models/{export_id}/feedback"
    refused = client.post(url, files={"file": photo("blue")}, data=data)
    assert refused.status_code == 403
    assert client.post(f"/models/{export_id}/predict", files={"file": photo("blue")}).status_code == 200
    assert sorted(path for path in workspace.path.rglob("*") if path.is_file()) == before


def test_a_correction_is_stored_under_the_name_of_the_browser(client, export_id, workspace, monkeypatch):
    monkeypatch.setenv("PEAKID_FEEDBACK", "1")
    assert Settings().feedback
    url = f"/models/{export_id}/feedback"
    data = {"class_name": "lake", "predicted": "blue", "confidence": "0.6"}
    client.cookies.set("peakid_reviewer", "Berta%20K")
    stored = client.post(url, files={"file": photo("blue")}, data=data)
    assert stored.status_code == 200, stored.text
    sql = "SELECT d.actor, c.name FROM decision d JOIN class c ON c.id = d.class_id WHERE d.image_id = ?"
    row = workspace.one(sql, (stored.json()["image_id"],))
    assert tuple(row) == ("human:Berta K", "lake")
    assert client.get(f"/models/{export_id}/model").json()["takes_corrections"] is True
    for bad in ({"class_name": ""}, {"class_name": "lake", "confidence": "many"}):
        assert client.post(url, files={"file": photo("blue")}, data=bad).status_code == 400
    assert client.post(url, files={"file": b"no picture"}, data=data).status_code == 422


def test_a_page_that_is_asked_twice_at_once_loads_its_model_once(client, export_id):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.get(f"/models/{export_id}/health").status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 4
