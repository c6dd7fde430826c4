"""Serve the model of this folder over HTTP: `python serve.py`. PORT names the port, 8600 without it.

POST /predict takes photos as files of a form; GET /health says that the server answers; GET / leads to the
page that runs the model in the browser. Nothing is stored.
"""

import mimetypes
import os

import uvicorn
from model import FOLDER, Model
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

MAX_BYTES = 20 * 2**20  # Of a file.
MAX_FILES = 16
TOP = 5
PAGE_READS = ("card.json", "model.onnx", "familiar.safetensors")
model = Model()
for suffix in (".js", ".mjs"):  # Windows may name another type, and browsers refuse the script then.
    mimetypes.add_type("text/javascript", suffix)


async def predict(request: Request) -> JSONResponse:
    """Predict each file of the form."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        return JSONResponse({"error": "The length of the request is not given."}, 411)
    if int(length) > MAX_FILES * MAX_BYTES:
        return JSONResponse({"error": f"The request exceeds {MAX_FILES * MAX_BYTES} bytes."}, 413)
    found = []
    async with request.form(max_files=MAX_FILES) as form:
        for _, file in form.multi_items():
            if isinstance(file, str):
                continue
            content = await file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                return JSONResponse({"error": f"A file exceeds {MAX_BYTES} bytes."}, 413)
            found.append(await run_in_threadpool(_prediction, file.filename or "", content))
    return JSONResponse({"predictions": found}) if found else JSONResponse({"error": "No file."}, 400)


def _prediction(name: str, content: bytes) -> dict[str, object]:
    try:
        ranked = model.ranked(content)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return {"name": name, "label": None, "error": str(error)}
    label, confidence = ranked[0]
    abstained = confidence < model.threshold
    top = [{"label": each, "probability": share} for each, share in ranked[:TOP]]
    return {
        "name": name,
        "label": None if abstained else label,
        "confidence": confidence,
        "abstained": abstained,
        "is_unfamiliar": model.is_unfamiliar(content),
        "top": top,
    }


async def health(request: Request) -> JSONResponse:
    """Say that the server answers."""
    return JSONResponse({"status": "ok", "classes": model.class_names})


async def page(request: Request) -> RedirectResponse:
    """Lead to the page."""
    return RedirectResponse("web/")


async def page_file(request: Request) -> FileResponse:
    """Return a file that the page reads."""
    return FileResponse(FOLDER / request.url.path.strip("/"))


app = Starlette(
    routes=[
        Route("/predict", predict, methods=["POST"]),
        Route("/health", health, methods=["GET"]),
        Route("/", page, methods=["GET"]),
        *(Route(f"/{name}", page_file, methods=["GET"]) for name in PAGE_READS),
        *(Mount(f"/{name}", StaticFiles(directory=FOLDER / name, html=True)) for name in ("web", "golden")),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8600")))
