"""The page that describes the API: plain, and without a request to anywhere."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>API of {title}</title>
<link rel="icon" href="/page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page/api.css">
</head>
<body>
<main>
<h1>API of {title} {version}</h1>
<p>Everything that <a href="/">the page</a> does goes through these addresses. The same for programs:
<a href="/api/openapi.json">openapi.json</a>. A refusal is {{"error": "one line"}}.</p>
{operations}
<h2 id="types">Types</h2>
{types}
</main>
</body>
</html>
"""


def describe_api(schema: Mapping[str, Any]) -> str:
    """The page for an OpenAPI schema."""
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    )
    types = "".join(_type(name, kind) for name, kind in schema["components"]["schemas"].items() if "Error" not in name)
    info = {name: html.escape(schema["info"][name]) for name in ("title", "version")}
    return PAGE.format(operations=operations, types=types, **info)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    takes = [
        f"{html.escape(parameter['name'])} <small>({parameter['in']}: {_kind(parameter['schema'])})</small>"
        for parameter in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    takes += [f"body: {_kind(body)}"] if body else []
    answers = [
        _kind(content["schema"])
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for content in answer.get("content", {}).values()
        if content.get("schema")
    ]
    what = html.escape(" ".join(operation.get("description", operation["summary"]).split()))
    says = f"<p>Takes {', '.join(takes) or 'nothing'}; answers {', '.join(answers) or 'nothing'}.</p>"
    return f"<section><h3><b>{method.upper()}</b> {html.escape(path)}</h3><p>{what}</p>{says}</section>\n"


def _type(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td>{html.escape(field)}{'' if field in required else ' <small>(optional)</small>'}</td>"
        f"<td>{_kind(kind)}</td></tr>"
        for field, kind in schema.get("properties", {}).items()
    )
    what = html.escape(" ".join(schema.get("description", "").split()))
    return (
        f'<section id="{html.escape(name)}"><h3>{html.escape(name)}</h3><p>{what}</p><table>{rows}</table></section>\n'
    )


def _kind(schema: Mapping[str, Any] | None) -> str:
    """A type in words, with links to those that have a name."""
    if not schema:
        return "anything"
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rsplit("/", 1)[1])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(html.escape(str(value)) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items'))}"
    return html.escape(str(schema.get("type", "anything")))
