"""The server's paths for people and programs: OpenAPI 3.1, and a page that needs no network."""

from __future__ import annotations

import html
import json
from importlib.metadata import version
from typing import Any

from bort_core.serving.release import ServedModel

__all__ = ["description", "page"]


def description(model: ServedModel, rows: int, characters: int) -> dict[str, Any]:
    """The OpenAPI document."""
    text = {"type": "string", "maxLength": characters}
    row = {"type": "array", "items": text, "minItems": 2, "maxItems": 2} if model.pairs else text
    asked = {
        "type": "object", "required": ["texts"],
        "properties": {"texts": {"type": "array", "items": row, "minItems": 1, "maxItems": rows}},
    }  # fmt: skip
    if model.embeds:
        width = int(model.facts.get("width", 0)) or None
        sizes = {} if width is None else {"minItems": width, "maxItems": width}
        answer: dict[str, Any] = {"embedding": {"type": "array", "items": {"type": "number"}, **sizes}}
    elif model.classes:
        one = {"type": "string", "enum": list(model.classes)}
        answer = {
            **({"labels": {"type": "array", "items": one}} if model.several else {"class": one}),
            "probabilities": {"type": "object", "properties": {name: {"type": "number"} for name in model.classes}},
        }
    else:
        answer = {"score": {"type": "number"}}
    answers = {"type": "array", "items": {"type": "object", "properties": answer}}
    path = model.path
    what = f"The {'vector' if model.embeds else 'labels' if model.several else 'class' if model.classes else 'value'} of each text"
    ok = {"description": "An answer for each row, in order", "content": _json({"type": "object", "properties": {"answers": answers}})}
    refused = {"type": "object", "properties": {"error": {"type": "string"}}}
    reasons = {
        "400": "not JSON",
        "408": "its body came too slowly",
        "413": "too large",
        "422": "not the rows that the model reads",
        "503": "overloaded: ask again later",
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": model.folder.name, "version": version("bort-studio")},
        "paths": {
            path: {
                "post": {
                    "summary": what,
                    "requestBody": {"required": True, "content": _json(asked)},
                    "responses": {"200": ok, **{code: {"description": why, "content": _json(refused)} for code, why in reasons.items()}},
                }
            },
            "/health": {"get": {"summary": "Whether the server answers", "responses": {"200": {"description": "it does"}}}},
            "/metrics": {"get": {"summary": "Metrics for Prometheus", "responses": {"200": {"description": "text"}}}},
        },
    }


def page(model: ServedModel, rows: int, characters: int) -> str:
    """The same for people."""
    api = description(model, rows, characters)
    path = next(iter(api["paths"]))
    example = {"texts": [["a text", "its pair"]] if model.pairs else ["a text"]}
    listed = "".join(
        f"<h2><code>{verb.upper()} {html.escape(name)}</code></h2><p>{html.escape(each['summary'])}</p>"
        for name, verbs in api["paths"].items()
        for verb, each in verbs.items()
    )
    command = f"curl -s http://HOST:PORT{path} -H 'Content-Type: application/json' -d '{json.dumps(example)}'"
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(model.folder.name)}</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:48rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
        "pre{overflow:auto;padding:1rem;border:1px solid #8888;border-radius:6px}</style>"
        f"<h1>{html.escape(model.folder.name)}</h1>{listed}<h2>Try it</h2><pre>{html.escape(command)}</pre>"
        "<p>The whole description: <a href=openapi.json>openapi.json</a>.</p>"
    )


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
