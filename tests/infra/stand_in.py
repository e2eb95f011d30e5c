"""Programs that stand in for the real ones, so that a test of the supervisor starts in a second.

python -m tests.infra.stand_in onward [PROGRAM]   the supervisor, with PROGRAM (default: worker) beside the page
python -m tests.infra.stand_in hold               servers for as long as standard input stays open
"""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from infra.children import Child
from infra.errors import InfraError
from infra.servers import connected
from infra.settings import Settings
from infra.supervisor.programs import Program
from infra.supervisor.run import Wiring, run

HERE = "tests.infra.stand_in"
LINK = "/sign-in?token=once"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()


def page(port: str) -> None:
    HTTPServer(("127.0.0.1", int(port)), _Page).serve_forever()


def worker() -> None:
    """Ignores SIGTERM as one does whose task takes long, and so does its child."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    print("worker is ready.", flush=True)
    time.sleep(300)


def failing() -> None:
    sys.exit("the sky is falling")


def onward(program: str = "worker") -> None:
    settings = Settings.from_env()
    beside = Program(program.title(), (HERE, program), is_up=_is_ready, grace_seconds=0.5)
    wiring = Wiring(
        dashboard=lambda _, port: Program("Dashboard", (HERE, "page", str(port)), is_up=lambda _: True),
        background=(beside,),
        prepare=lambda _: None,
        sign_in_url=lambda _, url: url + LINK,
    )
    run(settings, wiring, os.environ, lambda line: print(line, flush=True))


def hold() -> None:
    with connected(Settings.from_env()) as servers:
        print(json.dumps([servers.database_url, servers.redis_url]), flush=True)
        sys.stdin.read()


def _is_ready(child: Child) -> bool:
    return child.has_said("ready.")


if __name__ == "__main__":
    try:
        {"page": page, "worker": worker, "failing": failing, "onward": onward, "hold": hold}[sys.argv[1]](
            *sys.argv[2:]
        )
    except InfraError as error:
        print(f"onward: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
