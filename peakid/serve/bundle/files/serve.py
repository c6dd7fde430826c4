"""Serve the model of this folder over HTTP: `python serve.py`. PORT names the port, 8600 without it.

POST /predict takes photos as files of a form; GET /health says that the server answers. Nothing is stored.
"""

import os

import uvicorn
from model import Model
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MAX_BYTES = 20 * 2**20
TOP = 5
model = Model()


async def predict(request: Request) -> JSONResponse:
    """Predict each file of the form."""
    found = []
    async with request.form(max_files=16) as form:
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
    except (OSError, ValueError, SyntaxError) as error:
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


app = Starlette(
    routes=[Route("/predict", predict, methods=["POST"]), Route("/health", health, methods=["GET"])]
)

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8600")))
