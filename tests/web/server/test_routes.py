"""Images over HTTP: found by digest, cached by the browser, sent with the right media type."""

import dataclasses
import io
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from peakid.imaging import inspection
from peakid.keep import forget
from peakid.store import images
from peakid.store.workspace import Workspace
from peakid.suggest.live import Live
from peakid.web.gallery import scripts
from peakid.web.server import routes
from tests import hostile_images


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(Starlette(routes=routes.build(lambda _request: workspace)))


@pytest.fixture
def add(workspace: Workspace) -> Callable[[bytes], str]:
    def added(data: bytes) -> str:
        inspected = inspection.inspect(data)
        images.store(workspace, inspected, data)
        with workspace.transaction() as connection:
            images.add(connection, inspected)
        return inspected.digest

    return added


def test_a_thumbnail_is_a_small_jpeg(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    response = client.get(f"/thumb/{add(draw(size=(800, 600), format='PNG'))}")
    assert response.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(response.content)).size) <= 256


@pytest.mark.parametrize(
    ("format", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_an_image_is_sent_unchanged(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes], format: str, media_type: str
) -> None:
    data = draw(format=format)
    response = client.get(f"/image/{add(data)}")
    assert response.content == data
    assert response.headers["content-type"] == media_type
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_format_that_browsers_do_not_support_is_sent_as_jpeg(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    response = client.get(f"/image/{add(draw(format='TIFF'))}")
    assert response.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(response.content)).size == (48, 36)


def test_a_picture_that_browsers_do_not_support_is_at_most_4096_px_wide(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    response = client.get(f"/image/{add(draw(size=(5000, 20), format='TIFF'))}")
    assert Image.open(io.BytesIO(response.content)).size == (4096, 16)


def test_a_hostile_stored_image_is_not_shown_and_the_next_one_is(
    client: TestClient, workspace: Workspace, draw: Callable[..., bytes]
) -> None:
    bomb = hostile_images.png(14_000, 14_000, n_rows=1)
    for data, status in ((bomb, 404), (draw(3), 200)):
        found = inspection.inspect(draw(3))
        found = dataclasses.replace(found, digest=inspection.digest_of(data), format="TIFF")
        images.store(workspace, found, data)
        images.thumbnail_path(workspace, found.digest).unlink()
        with workspace.transaction() as connection:
            images.add(connection, found)
        answers = [client.get(f"/{kind}/{found.digest}") for kind in ("thumb", "image")]
        assert [answer.status_code for answer in answers] == [status, status]


def test_a_thumbnail_is_not_made_from_the_bytes_of_another_image(
    client: TestClient, workspace: Workspace, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    digest = add(draw(4))
    images.thumbnail_path(workspace, digest).unlink()
    images.image_path(workspace, digest).write_bytes(draw(5))
    assert client.get(f"/thumb/{digest}").status_code == 404
    assert not images.thumbnail_path(workspace, digest).exists()


def test_all_thumbnails_are_made_again_when_their_folder_is_gone(
    client: TestClient, workspace: Workspace, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    digests = [add(draw(seed)) for seed in range(6)]
    before = [images.thumbnail_path(workspace, digest).read_bytes() for digest in digests]
    shutil.rmtree(workspace.thumbs_dir)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda digest: client.get(f"/thumb/{digest}"), digests))
    assert [answer.content for answer in answers] == before


@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_an_image_is_cached_by_the_browser_and_sent_once(
    client: TestClient, add: Callable[[bytes], str], draw: Callable[..., bytes], kind: str
) -> None:
    first = client.get(f"/{kind}/{add(draw())}")
    assert "immutable" in first.headers["cache-control"]
    second = client.get(first.url.path, headers={"if-none-match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize("digest", ["0" * 64, "abc", "..%2F..%2Fpeakid.db", "A" * 64])
@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_an_unknown_digest_is_not_found_and_not_cached(client: TestClient, kind: str, digest: str) -> None:
    response = client.get(f"/{kind}/{digest}")
    assert response.status_code == 404
    assert "immutable" not in response.headers.get("cache-control", "")


def test_an_image_whose_file_is_missing_is_not_found(
    client: TestClient, workspace: Workspace, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    digest = add(draw())
    images.image_path(workspace, digest).unlink()
    assert client.get(f"/image/{digest}").status_code == 404
    assert client.get(f"/thumb/{digest}").status_code == 200


def test_a_link_to_the_overview_is_redirected_to_it(client: TestClient) -> None:
    response = client.get("/overview", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, "/")


def test_a_forgotten_image_is_not_served_from_the_cache(
    client: TestClient, workspace: Workspace, add: Callable[[bytes], str], draw: Callable[..., bytes]
) -> None:
    digest = add(draw(9))
    assert [client.get(f"/{kind}/{digest}").status_code for kind in ("thumb", "image")] == [200, 200]
    forget.forget(workspace, digest, actor="human:anna")
    assert [client.get(f"/{kind}/{digest}").status_code for kind in ("thumb", "image")] == [404, 404]


def test_the_address_of_a_script_has_its_version_and_another_version_is_not_found(client: TestClient) -> None:
    version = scripts.version()
    assert f"/script/{version}/gallery.js" in scripts.loader("gallery.js")
    for name, module in scripts.modules().items():
        response = client.get(f"/script/{version}/{name}")
        assert (response.status_code, response.content) == (200, module)
        assert response.headers["content-type"].startswith("text/javascript")
        assert "immutable" in response.headers["cache-control"]
    for address in ("/script/0123456789abcdef/gallery.js", f"/script/{version}/other.js"):
        assert client.get(address).status_code == 404


def test_every_import_of_a_script_is_a_script() -> None:
    for module in scripts.modules().values():
        for name in re.findall(rb'from "\./([^"]+)"', module):
            assert name.decode() in scripts.modules()


def test_a_proposed_duplicate_is_drawn_as_it_lies_over_the_other_image(
    client: TestClient, propose: Callable[..., list[str]], workspace: Workspace
) -> None:
    one, other, stranger, _ = propose((0, 1, "strong"))
    response = client.get(f"/aligned/{other}/{one}")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg")
    drawn = Image.open(io.BytesIO(response.content))
    whole = Image.open(io.BytesIO(images.thumbnail(workspace, other)))
    assert drawn.size == (48, 36)
    # It begins a quarter of its width further right; what it does not show is grey.
    assert drawn.getpixel((10, 10)) == pytest.approx(whole.getpixel((22, 10)), abs=16)
    assert drawn.getpixel((44, 10)) == pytest.approx((128, 128, 128), abs=4)
    for path in (f"{stranger}/{one}", f"{one}/{one}", f"{'0' * 64}/{one}", f"x/{one}", f"{other}/y"):
        assert client.get(f"/aligned/{path}").status_code == 404
    forget.forget(workspace, other, actor="human:anna")
    assert client.get(f"/aligned/{other}/{one}").status_code == 404


def test_the_newest_fit_and_the_reasons_of_a_label_are_never_cached(
    client: TestClient, workspace: Workspace, flipped: tuple[dict[str, str], dict[str, str]]
) -> None:
    digests, _ = flipped
    assert client.get("/live").json() == {"fit": 0}
    Live(workspace).refresh()
    answer = client.get("/live")
    assert answer.json()["fit"] > 0
    assert answer.headers["cache-control"] == "no-store"
    found = client.get(f"/why/{digests['dom 03']}?queue=label-issues").json()
    assert [each["class_name"] for each in found["near"]] == ["dom", "eiger"]
    assert client.get(f"/why/{'0' * 64}").status_code == 404
    assert client.get("/why/x").status_code == 404
