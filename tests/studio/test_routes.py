"""The API as programs and the page use it, over a server; files that it sends; the page's calls against the schema."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from studio_stores import DraftingStore

pytest.importorskip("fastapi", reason="the studio needs the extra 'studio'")

from studio_site import serving

from impasto.studio.file_routes import FILE_BYTES, PAGE, in_pieces
from impasto.studio.guard import HEADERS

DOCS = Path(__file__).parents[2] / "docs/studio.md"


@pytest.fixture
def client(drafting: DraftingStore, tmp_path: Path) -> Iterator[httpx.Client]:
    with serving(drafting.store, tmp_path) as client:
        yield client


def png(color: str = "red", size: tuple[int, int] = (60, 48)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def addresses(client: httpx.Client) -> set[tuple[str, str]]:
    """Every method and path of the API, with * for what is in braces."""
    paths = client.get("/api/openapi.json").json()["paths"]
    return {(method.upper(), re.sub(r"{\w+}", "*", path)) for path, methods in paths.items() for method in methods}


def test_every_address_is_documented(client: httpx.Client) -> None:
    rows = re.findall(r"^\| `(\w+) (/api/[^`]*)`", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert {(method, re.sub(r"{\w+}", "*", path)) for method, path in rows} == addresses(client)


def test_every_call_of_the_page_is_in_the_schema(client: httpx.Client) -> None:
    schema = client.get("/api/openapi.json").json()
    source = (PAGE / "api.js").read_text(encoding="utf-8")
    methods = {"get": "GET", "post": "POST", "put": "PUT", "remove": "DELETE"}
    calls = re.findall(r"=> (get|post|put|remove)\([\"`]([^\"`]+)[\"`](?:, (\{[^}]*\}|\w+))?\)", source)
    assert len(calls) == len(re.findall(r"^  \w+: \(", source, re.MULTILINE)), "a call that this test does not see"
    for method, path, body in calls:
        path = re.sub(r"\$\{part\(\w+\)\}", "*", path)
        assert (methods[method], path) in addresses(client), f"{method} {path}"
        (operation,) = [
            operations[methods[method].lower()]
            for known, operations in schema["paths"].items()
            if re.sub(r"{\w+}", "*", known) == path and methods[method].lower() in operations
        ]
        assert bool(body) == ("requestBody" in operation), f"{method} {path} and its body"
        if body.startswith("{"):
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
            kind = schema["components"]["schemas"][name]
            sent = set(re.findall(r"\w+", body))
            assert set(kind.get("required", ())) <= sent <= set(kind["properties"]), f"{method} {path}"
    assert (
        ("POST", "/api/pictures") in addresses(client)
        and "`/api/${to}?title=" in source
        and ("POST", "/api/clips") in addresses(client)
    )
    assert ("GET", "/api/events") in addresses(client) and 'EventSource("/api/events")' in source


def test_a_job_is_described_with_names_and_without_paths(client: httpx.Client, drafting: DraftingStore) -> None:
    request = {"photo": drafting.photo.name, "paintings": [{"path": "flow.jpg"}], "options": {"strength": 30}}
    made = client.post("/api/jobs", json=request)
    assert made.status_code == 201
    job = f"/api/jobs/{made.json()['id']}"
    drafting.painting.set()
    while (view := client.get(job).json())["state"] != "done":
        threading.Event().wait(0.01)
    assert view["request"]["photo"] == drafting.photo.name
    assert view["request"]["paintings"][0]["path"] == "flow.jpg"
    assert view["request"]["titles"] == {drafting.photo.name: "a lion.png", "flow.jpg": "flow.jpg"}
    assert (view["kind"], view["title"], view["steps_done"], view["position"]) == ("paint", "a lion + flow", 3, None)
    assert (view["can_go_on"], view["resumable"], view["error"], view["notices"]) == (False, False, None, [])
    assert [step for step, _ in client.get(f"{job}/losses").json()] == [1, 2, 3]
    assert view["picture"].startswith(f"/jobs/{view['id']}/picture.png?") and view["preview"] is None
    assert str(drafting.photo.parent) not in json.dumps(view)
    (line,) = client.get("/api/jobs").json()
    assert line == {name: view[name] for name in line}
    shown = client.get(view["picture"])
    assert (shown.content, shown.headers["content-type"]) == (b"a picture", "image/png")
    for name in ("preview.jpg", "job.json", "..%2Fjob.json"):
        assert client.get(f"/jobs/{view['id']}/{name}").status_code == 404
    assert client.delete(job).status_code == 204
    assert client.get(job).status_code == 404
    assert client.post(f"{job}/undo").json()["state"] == "done"


def test_a_picture_comes_as_the_body_and_keeps_its_first_title(client: httpx.Client) -> None:
    added = client.post("/api/pictures", params={"title": "holiday.png"}, content=png())
    assert added.status_code == 201
    picture = added.json()
    assert (picture["title"], picture["width"], picture["height"], picture["pastiche"]) == (
        "holiday.png",
        60,
        48,
        False,
    )
    address = f"/api/pictures/{picture['name']}"
    assert client.get(address).json() == {name: picture[name] for name in ("name", "title", "width", "height")}
    again = client.post("/api/pictures", params={"title": "other.png"}, content=png()).json()
    assert (again["name"], again["title"]) == (picture["name"], "holiday.png")
    assert client.put(f"{address}/title", json={"title": "The sea"}).json()["title"] == "The sea.png"
    assert client.get(f"/pictures/{picture['name']}?edge=320").headers["content-type"] == "image/jpeg"
    assert client.put(f"/api/shelf/{picture['name']}").status_code == 204
    assert client.get("/api/start").json()["shelf"][-1]["title"] == "The sea.png"
    assert client.delete(f"/api/shelf/{picture['name']}").status_code == 204


def test_the_same_on_other_photos(client: httpx.Client, drafting: DraftingStore) -> None:
    region = {"mask": drafting.photo.name, "paintings": []}
    options = {"strength": 30}
    request = {
        "photo": drafting.photo.name,
        "paintings": [{"path": "flow.jpg"}],
        "options": options,
        "regions": [region],
    }
    first = client.post("/api/jobs", json=request).json()
    assert first["batch"] is None
    names = [
        client.post("/api/pictures", params={"title": f"{color}.png"}, content=png(color)).json()["name"]
        for color in ("red", "blue")
    ]
    jobs = client.post(f"/api/jobs/{first['id']}/again", json={"photos": [*names, names[0]]}).json()
    assert [job["request"]["photo"] for job in jobs] == names, "each photo once"
    assert [job["title"] for job in jobs] == ["red + flow", "blue + flow"]
    assert {job["batch"] for job in jobs} == {jobs[0]["batch"]} != {None}
    for job in jobs:
        assert (job["request"]["options"], job["request"]["regions"]) == (options, [])
        assert job["notices"] == ["left out: the part that stays the photo, which belongs to the other photo"]
    refused = client.post(f"/api/jobs/{first['id']}/again", json={"photos": []})
    assert refused.status_code == 422
    drafting.painting.set()
    for job in (first, *jobs):
        while client.get(f"/api/jobs/{job['id']}").json()["state"] != "done":
            threading.Event().wait(0.01)
    zipped = client.get("/jobs.zip", params={"job": [job["id"] for job in jobs]})
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.namelist() == ["red + flow.png", "blue + flow.png"]
        assert archive.read("red + flow.png") == b"a picture"
    assert client.get("/jobs.zip", params={"job": "none"}).status_code == 404
    grid = client.post(f"/api/jobs/{first['id']}/grid", json={}).json()
    assert client.get(f"/api/jobs/{grid['id']}/cells").json() == []
    for name in ("cell-0.png", "time-lapse.mp4", "film.mp4"):
        assert client.get(f"/jobs/{grid['id']}/{name}").status_code == 404
    assert client.post(f"/api/jobs/{grid['id']}/again", json={"photos": names}).status_code == 400


def test_a_job_is_named_and_marked(client: httpx.Client, drafting: DraftingStore) -> None:
    request = {"photo": drafting.photo.name, "paintings": [{"path": "flow.jpg"}]}
    job = client.post("/api/jobs", json=request).json()
    address = f"/api/jobs/{job['id']}/label"
    assert (job["title"], job["starred"]) == ("a lion + flow", False)
    assert client.put(address, json={"title": "My lion"}).json()["title"] == "My lion"
    marked = client.put(address, json={"starred": True}).json()
    assert (marked["title"], marked["starred"]) == ("My lion", True)
    manifest = json.loads((drafting.store.queue.files(job["id"]).picture.parent / "job.json").read_text())
    assert (manifest["title"], manifest["starred"]) == ("My lion", True), "it is kept"
    space = client.get("/api/space").json()
    assert space["kept_bytes"] > 0 and space["free_bytes"] > 0


REFUSED = [
    ("POST", "/api/jobs", {"photo": None}, 400, "nothing to paint: add a photo and a painting"),
    ("POST", "/api/jobs", {"photo": "no.png"}, 404, "there is no picture 'no.png' here; upload it first"),
    ("POST", "/api/jobs", {"photo": None, "paintings": [{"path": "flow.jpg", "weight": 0}]}, 422,
     "the request cannot be used: paintings.0.weight: input should be greater than 0, got 0"),
    ("POST", "/api/jobs", {"photo": None, "paintings": [{"path": "flow.jpg"}] * 3000}, 422, "at most 64 items"),
    ("POST", "/api/jobs", {"photo": None, "colour": 1}, 422, "colour: extra inputs are not permitted"),
    ("POST", "/api/jobs/none/steer", {"strength": 101}, 422, "less than or equal to 100, got 101"),
    ("POST", "/api/jobs/none/stop", None, 404, "there is no job 'none'"),
    ("POST", "/api/jobs/none/undo", None, 404, "it was removed for good"),
    ("GET", "/api/pictures/..%2Fstudio.lock", None, 404, "there is nothing here"),
    ("GET", "/api/pictures/" + "x" * 90, None, 404, "there is no picture"),
    ("GET", "/page/" + "x" * 5000, None, 404, "there is nothing here"),
    ("GET", "/pictures/flow.jpg?edge=7", None, 400, "not 7"),
    ("GET", "/gradio_api/info", None, 404, "there is nothing here"),
    ("PATCH", "/api/jobs", None, 405, "method not allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "line"), REFUSED)
def test_a_fault_of_a_person_is_one_line(
    client: httpx.Client, method: str, path: str, body: object, status: int, line: str
) -> None:
    answer = client.request(method, path, json=body) if body is not None else client.request(method, path)
    assert (answer.status_code, list(answer.json())) == (status, ["error"]), answer.text
    assert line in answer.json()["error"] and "\n" not in answer.json()["error"]
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("title", ["", ".hidden.png", "x" * 5000, "a/../b", "\0"])
def test_no_title_of_an_upload_does_harm(client: httpx.Client, title: str) -> None:
    assert client.post("/api/pictures", params={"title": title}, content=png()).status_code == 201
    refused = client.post("/api/pictures", params={"title": title}, content=b"no picture")
    assert refused.status_code == 400 and "not a picture that impasto reads" in refused.json()["error"]


def test_a_bug_is_answered_too(client: httpx.Client, drafting: DraftingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(drafting.store, "shelf", fail)
    answer = client.get("/api/start")
    assert (answer.status_code, answer.json()) == (500, {"error": "the studio failed; its window says why"})
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_the_page_and_its_files(client: httpx.Client) -> None:
    page = client.get("/").text
    for name in re.findall(r'"(/page/[^"]+)"', page):
        assert client.get(name).status_code == 200
    assert re.search(r"https?://", page) is None
    assert client.get("/api").text.count("<section") > 20


def test_a_picture_replaced_while_it_is_sent_arrives_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(bytes(FILE_BYTES) + b"old")
    (tmp_path / "newer.png").write_bytes(b"new")
    opened = (tmp_path / "picture.png").open("rb")
    pieces = in_pieces(opened)
    first = next(pieces)
    (tmp_path / "newer.png").replace(tmp_path / "picture.png")
    assert (len(first), b"".join(pieces), opened.closed) == (FILE_BYTES, b"old", True)


def test_a_clip_is_no_picture_and_a_picture_no_clip(client: httpx.Client, drafting: DraftingStore) -> None:
    before = set(drafting.store.uploads.folder.iterdir())
    assert client.post("/api/pictures", params={"title": "walk.mp4"}, content=b"no clip").status_code == 400
    refused = client.post("/api/clips", params={"title": "a.png"}, content=png())
    assert refused.status_code == 400 and refused.json()["error"].startswith("'a.png' is no clip")
    assert set(drafting.store.uploads.folder.iterdir()) == before, "nothing of them is kept"
