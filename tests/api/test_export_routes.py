"""Every table as a file over REST: what the list shows, to whom, and nothing left behind by who goes away."""

import csv
import io
import socket
import threading
import time

import pyarrow.parquet as pq
import pytest
import uvicorn
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.routing import Route

from api.streamed_file import StreamedFile
from dlq import console
from infra.access.roles import ALLOWS, Role
from recovery.exports.registry import TABLES
from tests.dlq import builders

pytestmark = pytest.mark.servers

ASKED = {"name": "sign-up", "dimension": "device"}
PATIENCE_SECONDS = 10


@pytest.fixture
def seen(world):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("=b", "visited", device="desktop")
    world.sync()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_is_a_file_for_those_who_may_see_its_page(seen, client, sign_in, table):
    for role in Role:
        client.cookies.clear()
        sign_in(role)
        written = client.get(f"/api/v1{table.path}export.csv", params=ASKED)
        stored = client.get(f"/api/v1{table.path}export.parquet", params=ASKED)
        if table.permission not in ALLOWS[role]:
            assert (written.status_code, stored.status_code) == (403, 403)
            continue
        assert written.headers["content-type"] == "text/csv; charset=utf-8"
        assert written.headers["content-disposition"] == f'attachment; filename="sign-up-{table.name}.csv"'
        assert stored.headers["content-type"] == "application/vnd.apache.parquet"
        head, *rows = csv.reader(io.StringIO(written.text))
        read = pq.read_table(io.BytesIO(stored.content))
        assert (head, len(rows)) == (read.column_names, read.num_rows)


def test_a_file_is_sent_as_it_is_and_kept_nowhere(seen, sign_in):
    answer = sign_in(Role.ANALYST).get(
        f"/api/v1{TABLES['sessions'].path}export.csv", params=ASKED, headers={"accept-encoding": "gzip"}
    )
    assert answer.headers["content-encoding"] == "identity"
    assert answer.headers["cache-control"] == "no-store"
    assert [row["session_id"] for row in csv.DictReader(io.StringIO(answer.text))] == ["'=b", "a"]


def test_the_lists_are_not_shadowed_by_their_files(seen, sign_in, engine):
    builders.fail(engine, builders.envelope("export.csv"))
    client = sign_in(Role.ADMIN)
    assert client.get("/api/v1/admin/dlq/tasks/export.csv/").json()["letter"]["task_id"] == "export.csv"
    assert "export.csv" in client.get("/api/v1/admin/dlq/tasks/export.csv").text


def test_what_cannot_be_asked_is_refused_and_no_file_begins(seen, sign_in):
    client = sign_in(Role.ADMIN)
    for path, said in (
        ("/onboarding/analytics/sessions/export.csv?name=sign-up&stopped=9", "is no step of this funnel"),
        ("/onboarding/analytics/trend/export.parquet?name=sign-up&per=year", "'year' is not known"),
        ("/admin/dlq/groups/export.csv?order=oldest", "'oldest' is not known"),
    ):
        answer = client.get(f"/api/v1{path}")
        assert answer.status_code == 422
        assert said in answer.text


def test_each_page_of_letters_has_its_connection_back_before_the_next(engine, sign_in, monkeypatch):
    monkeypatch.setattr(console, "MAX_PAGE", 1)
    for nth in range(3):
        builders.fail(engine, builders.envelope(f"t{nth}"), builders.failure(after_seconds=nth))
    taken = []
    read = console.letters
    monkeypatch.setattr(
        console, "letters", lambda *a, **k: (taken.append(engine.pool.checkedout()), read(*a, **k))[1]
    )
    assert sign_in(Role.ADMIN).get("/api/v1/admin/dlq/tasks/export.csv").status_code == 200
    assert taken == [0, 0, 0]


class Endless:
    """Blocks without end, read from an open connection."""

    def __init__(self, engine):
        self.engine = engine
        self.made = 0
        self.begun, self.ended = threading.Event(), threading.Event()

    def blocks(self):
        try:
            with self.engine.connect() as connection:
                self.begun.set()
                while True:
                    connection.exec_driver_sql("SELECT 1")
                    self.made += 1
                    yield b"x" * 100_000
        finally:
            self.ended.set()


@pytest.fixture
def serving(engine):
    """A real server of an endless file: its source, and the port."""
    source, limiter = Endless(engine), CapacityLimiter(1)

    async def file(_request):
        return StreamedFile(source.blocks(), limiter, media_type="text/csv", file_name="endless.csv")

    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[Route("/", file)]), port=0, log_level="error", lifespan="off")
    )
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield source, listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def test_who_goes_away_stops_the_query_and_frees_the_connection(serving, engine):
    source, port = serving
    with socket.create_connection(("127.0.0.1", port)) as reader:
        reader.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        assert b"200 OK" in reader.recv(1000)
        assert source.begun.wait(PATIENCE_SECONDS)
        assert engine.pool.checkedout() == 1
    assert source.ended.wait(PATIENCE_SECONDS)
    assert engine.pool.checkedout() == 0
    made = source.made
    time.sleep(0.05)
    assert source.made == made


def test_a_slow_reader_is_not_written_ahead_of(serving):
    source, port = serving
    with socket.create_connection(("127.0.0.1", port)) as reader:
        reader.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        reader.recv(1000)
        until = time.monotonic() + PATIENCE_SECONDS
        made = -1
        while made != source.made and time.monotonic() < until:
            made = source.made
            time.sleep(0.1)
        assert source.made == made < 200
