"""Hashed files go out gzipped and to be kept; everything else is left to the app behind."""

import gzip

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.compressed_files import CompressedFiles

SCRIPT = "console.log('a chart');" * 1000
PATH = "/static/js/Chart.D9Z0_fxz.js"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "static/js").mkdir(parents=True)
    (tmp_path / "static/js/Chart.D9Z0_fxz.js").write_text(SCRIPT)
    (tmp_path / "static/js/plain.js").write_text(SCRIPT)
    (tmp_path / "secret.12345678.js.bak").write_text("not a script")
    return tmp_path


@pytest.fixture
def client(folder):
    async def behind(_request):
        return PlainTextResponse("from the app behind")

    routes = [Route("/{path:path}", behind, methods=["GET", "POST"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(CompressedFiles, folder=folder)]))


def test_a_hashed_file_is_sent_compressed_and_kept_for_ever(client):
    answer = client.get(PATH)
    assert answer.text == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(SCRIPT) / 50
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"


def test_it_is_compressed_once(client, monkeypatch):
    times = []
    compress = gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda *args, **named: times.append(1) or compress(*args, **named))
    assert client.get(PATH).text == client.get(PATH).text == SCRIPT
    assert times == [1]


def test_who_has_it_already_is_told_so(client):
    tag = client.get(PATH).headers["etag"]
    again = client.get(PATH, headers={"if-none-match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(PATH, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "br, gzip; q=0.0"])
def test_a_browser_that_takes_no_gzip_gets_none(client, accepted):
    assert client.get(PATH, headers={"accept-encoding": accepted}).text == "from the app behind"


@pytest.mark.parametrize(
    "path", ["/", "/static/js/plain.js", "/secret.12345678.js.bak", "/static/js/../js/Chart.D9Z0_fxz.js.map"]
)
def test_other_paths_are_left_alone(client, path):
    assert client.get(path).text == "from the app behind"


def test_only_reading_is_answered(client):
    assert client.post(PATH).text == "from the app behind"
