"""The OpenAPI description of the prediction server."""

from typing import Any

import peakid
from peakid.serve.http.limits import Limits

_PREDICTION = {
    "type": "object",
    "required": ["name", "label", "confidence", "abstained", "top"],
    "properties": {
        "name": {"type": "string", "description": "What the client called the file."},
        "label": {
            "type": ["string", "null"],
            "description": "Null when the model abstains or cannot read it.",
        },
        "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "abstained": {"type": "boolean", "description": "The confidence is below the threshold."},
        "top": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"label": {"type": "string"}, "probability": {"type": "number"}},
            },
        },
        "is_unfamiliar": {"type": "boolean", "description": "It looks like nothing the model learned."},
        "distance": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "description": "Share of validation images that are nearer to what the model learned; null where"
            " the export has no reference.",
        },
        "error": {"type": "string", "description": "Why the file cannot be read."},
        "reason": {"type": ["string", "null"], "description": "The kind of error, such as not_an_image."},
    },
}
_CLASSIFIED = {
    "type": "object",
    "required": ["prediction", "probabilities"],
    "properties": {
        "prediction": {"type": "string"},
        "probabilities": {
            "type": "array",
            "description": "[class, probability] of every class, the most probable first.",
            "items": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
        },
    },
}
_OCCLUSION = {
    "type": "object",
    "required": ["label", "probability", "rows"],
    "properties": {
        "label": {"type": "string"},
        "probability": {"type": "number", "minimum": 0, "maximum": 1},
        "rows": {
            "type": "array",
            "description": "By how much the probability falls when this part of the photo is hidden.",
            "items": {"type": "array", "items": {"type": "number", "minimum": -1, "maximum": 1}},
        },
    },
}
_STORED = {
    "type": "object",
    "required": ["image_id", "class_name"],
    "properties": {"image_id": {"type": "integer"}, "class_name": {"type": "string"}},
}
_HEALTH = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}
_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
_FILES = {
    "multipart/form-data": {"schema": {"type": "object", "additionalProperties": _BINARY}},
    "image/*": {"schema": _BINARY},
}
_CORRECTION = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file", "class_name"],
            "properties": {
                "file": _BINARY,
                "class_name": {"type": "string", "description": "What it shows; a new class is added."},
                "predicted": {"type": "string", "description": "What the model predicted."},
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            },
        }
    }
}
_MODEL = {
    "type": "object",
    "required": ["class_names", "threshold", "takes_corrections"],
    "properties": {
        "class_names": {"type": "array", "items": {"type": "string"}},
        "image_size_px": {"type": "integer"},
        "resize": {"type": "string"},
        "threshold": {"type": "number"},
        "sha256": {"type": "string"},
        "title": {"type": "string"},
        "takes_corrections": {"type": "boolean", "description": "Whether /feedback stores photos."},
    },
}
_ERROR = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("error", "message", "remedy")},
}


def document(limits: Limits) -> dict[str, Any]:
    """Return the description of all routes as OpenAPI 3.1."""
    mb = limits.max_body_bytes // 2**20
    several = f"Up to {limits.max_files} photos as files of a form, or one as the body; up to {mb} MB."
    one = f"One photo as a file of a form or as the body, up to {mb} MB."
    top = _parameter("top", "integer", "Classes in `top`, 1 to 1,000; 5 by default.")
    url = _parameter("url", "string", "A public http or https address.", is_required=True)
    label = _parameter("label", "string", "The class to explain; the most probable one by default.")
    predictions = {"type": "object", "properties": {"predictions": {"type": "array", "items": _PREDICTION}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Peakid predictions", "version": peakid.__version__},
        "servers": [{"url": "."}],
        "paths": {
            "/predict": {"post": _operation("Predict photos.", predictions, several, _FILES, [top])},
            "/upload": {"post": _operation("Predict one photo, with all classes.", _CLASSIFIED, one, _FILES)},
            "/classify-url": {
                "get": _operation("Predict the photo at an address.", _CLASSIFIED, parameters=[url])
            },
            "/occlusion": {
                "post": _operation("Say where a prediction comes from.", _OCCLUSION, one, _FILES, [label])
            },
            "/feedback": {
                "post": _operation(
                    "Store a photo with its class, where the server accepts corrections.",
                    _STORED,
                    one,
                    _CORRECTION,
                )
            },
            "/model": {"get": _operation("Describe the model.", _MODEL)},
            "/health": {"get": _operation("Say that the server answers.", _HEALTH)},
            "/metrics": {"get": _text("Counters for Prometheus.", "text/plain")},
            "/openapi.json": {"get": _operation("This description.", {"type": "object"})},
            "/": {"get": _text("A page on which photos are dropped.", "text/html")},
        },
    }


def _parameter(name: str, kind: str, text: str, *, is_required: bool = False) -> dict[str, Any]:
    schema = {"type": kind}
    return {"name": name, "in": "query", "required": is_required, "schema": schema, "description": text}


def _operation(
    summary: str,
    schema: dict[str, Any],
    description: str = "",
    body: dict[str, Any] | None = None,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    responses = {
        "200": {"description": "OK", "content": {"application/json": {"schema": schema}}},
        "default": {"description": "Error", "content": {"application/json": {"schema": _ERROR}}},
    }
    found: dict[str, Any] = {"summary": summary, "responses": responses}
    if description:
        found["description"] = description
    if body is not None:
        found["requestBody"] = {"required": True, "content": body}
    if parameters:
        found["parameters"] = parameters
    return found


def _text(summary: str, media_type: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "OK", "content": {media_type: {}}}}}
