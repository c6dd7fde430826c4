"""Pictures over HTTP: found by digest, kept by the browser, never mistaken for something else."""

import io
from collections.abc import Callable

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from peakid.imaging import inspection
from peakid.keep import forget
from peakid.store import images
from peakid.store.workspace import Workspace
from peakid.web import routes
from peakid.web.gallery import scripts


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(Starlette(routes=routes.build(lambda: workspace)))


@pytest.fixture
def add(workspace: Workspace) -> Callable[[bytes], str]:
    def added(data: bytes) -> str:
        look = inspection.inspect(data)
        with workspace.transaction() as connection:
            images.add(connection, workspace, look, data)
        return look.digest

    return added


def test_a_thumbnail_is_a_small_jpeg(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    answer = client.get(f"/thumb/{add(draw(size=(800, 600), format='PNG'))}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(answer.content)).size) <= 256


@pytest.mark.parametrize(
    ("format", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_an_image_comes_as_its_own_bytes(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes], format: str, media_type: str
) -> None:
    data = draw(format=format)
    answer = client.get(f"/image/{add(data)}")
    assert answer.content == data
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_format_no_browser_shows_comes_as_jpeg(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    answer = client.get(f"/image/{add(draw(format='TIFF'))}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).size == (48, 36)


@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_a_picture_is_kept_by_the_browser_and_never_sent_twice(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes], kind: str
) -> None:
    first = client.get(f"/{kind}/{add(draw())}")
    assert "immutable" in first.headers["cache-control"]
    second = client.get(first.url.path, headers={"if-none-match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize("digest", ["0" * 64, "abc", "..%2F..%2Fpeakid.db", "A" * 64])
@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_what_nobody_knows_is_not_found_and_not_kept(client: TestClient, kind: str, digest: str) -> None:
    answer = client.get(f"/{kind}/{digest}")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_an_image_whose_bytes_are_gone_is_not_found(
    client: TestClient, workspace: Workspace, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    digest = add(draw())
    images.image_path(workspace, digest).unlink()
    assert client.get(f"/image/{digest}").status_code == 404
    assert client.get(f"/thumb/{digest}").status_code == 200


def test_a_link_that_names_the_overview_leads_to_it(client: TestClient) -> None:
    answer = client.get("/overview", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/")


def test_a_picture_that_was_removed_for_good_is_not_served_from_memory(
    client: TestClient, workspace: Workspace, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    digest = add(draw(9))
    assert [client.get(f"/{kind}/{digest}").status_code for kind in ("thumb", "image")] == [200, 200]
    forget.forget(workspace, digest, actor="human:anna")
    assert [client.get(f"/{kind}/{digest}").status_code for kind in ("thumb", "image")] == [404, 404]


def test_scripts_are_named_by_their_bytes_and_an_old_name_is_told_to_reload(client: TestClient) -> None:
    for name in scripts.BUNDLES:
        digest, data = scripts.bundle(name)
        assert f"/script/{name}/{digest}.js" in scripts.loader(name)
        answer = client.get(f"/script/{name}/{digest}.js")
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"]
    for address in ("/script/gallery/0123456789abcdef.js", "/script/other/0123456789abcdef.js"):
        assert client.get(address).status_code == 404
