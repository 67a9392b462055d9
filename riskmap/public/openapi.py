"""Description of the API for programs: OpenAPI 3.1, served beside it."""

from typing import Any

from riskmap.public import data_api, open_data

Described = dict[str, Any]

TEXT: Described = {"type": "string"}
WHOLE: Described = {"type": "integer"}
RELEASE = {"name": "release", "in": "query", "description": "id of a release; the newest without it", "schema": TEXT}
LANGUAGE = {"name": "lang", "in": "query", "schema": {"type": "string", "enum": ["kk", "ru", "en"]}}
TERRITORY = {"name": "territory", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 40}}
OFFSET = {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}}
LIMIT = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": data_api.MOST_ROWS, "default": data_api.USUAL_ROWS},
}
PAGING = [OFFSET, LIMIT]


def description(version: str) -> Described:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "riskmap",
            "version": version,
            "summary": "Published risk classes and counts",
            "license": {"name": open_data.LICENCE["name"], "url": open_data.LICENCE["path"]},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/api/v1/health": _get("Territories that have a release", []),
            "/api/v1/release": _get("The newest releases", [_query("territory"), LANGUAGE]),
            "/api/v1/cells/{cell}": _get(
                "Class of one cell, in words",
                [{"name": "cell", "in": "path", "required": True, "schema": TEXT}, _query("territory"), LANGUAGE],
            ),
            "/api/v1/territories/{territory}/releases": _get("Chain of releases", [TERRITORY, *PAGING, LANGUAGE]),
            "/api/v1/territories/{territory}/periods": _get("Published periods", [TERRITORY, RELEASE, LANGUAGE]),
            "/api/v1/territories/{territory}/groups": _get("Offence groups", [TERRITORY, RELEASE, LANGUAGE]),
            "/api/v1/territories/{territory}/areas": _get(
                "Places that counts speak of",
                [TERRITORY, RELEASE, _choice("level", open_data.LEVELS[:3]), *PAGING, LANGUAGE],
            ),
            "/api/v1/territories/{territory}/counts": _get(
                "Published and hidden counts",
                [
                    TERRITORY,
                    RELEASE,
                    _query("period"),
                    _choice("kind", open_data.KINDS),
                    _choice("level", open_data.LEVELS),
                    _query("offence_group"),
                    _query("place_id"),
                    *PAGING,
                    LANGUAGE,
                ],
            ),
            "/api/v1/territories/{territory}/cells": _get(
                "Classes of the cells in view",
                [TERRITORY, RELEASE, _query("group"), _query("bbox"), *PAGING, LANGUAGE],
            ),
            "/api/v1/territories/{territory}/reviews": _get("Reviews of places", [TERRITORY, *PAGING, LANGUAGE]),
        },
        "components": {"schemas": {"Answer": _answer(), "Error": _error()}},
    }


def _get(summary: str, parameters: list[Described]) -> Described:
    refused = {"description": "Refused", "content": _json("Error")}
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": "The answer", "content": _json("Answer")},
                "304": {"description": "Not changed since the ETag that was sent"},
                **dict.fromkeys(("400", "404", "410", "503"), refused),
            },
        }
    }


def _json(schema: str) -> Described:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _query(name: str) -> Described:
    return {"name": name, "in": "query", "schema": TEXT}


def _choice(name: str, known: tuple[str, ...]) -> Described:
    return {"name": name, "in": "query", "schema": {"type": "string", "enum": list(known)}}


def _answer() -> Described:
    properties = {"ok": {"const": True}, "total": WHOLE, "offset": WHOLE, "next_offset": {"type": ["integer", "null"]}}
    return {"type": "object", "required": ["ok"], "properties": properties}


def _error() -> Described:
    properties = {"ok": {"const": False}, "error": TEXT, "status": WHOLE}
    return {"type": "object", "required": ["ok", "error", "status"], "properties": properties}
