"""The page that describes the API."""

from __future__ import annotations

from impasto.studio.api_page import describe_api

SCHEMA = {
    "info": {"title": "a <studio>", "version": "1"},
    "paths": {
        "/api/jobs/{id}": {
            "post": {
                "summary": "Stop",
                "description": "Stop <it>.",
                "parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {}}}}}},
            }
        }
    },
    "components": {
        "schemas": {
            "Job": {
                "description": "A job.",
                "properties": {
                    "id": {"type": "string"},
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    "kind": {"enum": ["a", "b"]},
                },
                "required": ["id"],
            }
        }
    },
}


def test_addresses_and_types_are_described_and_nothing_is_taken_for_html() -> None:
    page = describe_api(SCHEMA)
    assert "<b>POST</b> /api/jobs/{id}" in page and "Stop &lt;it&gt;." in page and "a &lt;studio&gt;" in page
    assert 'id <small>(path: string)</small>, body: <a href="#Job">Job</a>' in page and "list of anything" in page
    assert '<section id="Job">' in page and "integer or null" in page and "a | b" in page
    assert "size <small>(optional)</small>" in page and "id <small>(optional)</small>" not in page
    assert "://" not in page
