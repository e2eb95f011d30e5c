"""Programs that stand in for the dashboard and the worker. They import little, so as to start at once."""

import os
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()


def page(port: str) -> None:
    HTTPServer(("127.0.0.1", int(port)), _Page).serve_forever()


def worker() -> None:
    """Ignores SIGTERM, as one does whose task takes long, and so does its child."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "300"])
    sys.stdout.write("worker is ready.\n")
    sys.stdout.flush()
    time.sleep(300)


def diligent() -> None:
    """Asks Valkey once more when it is told to stop, and writes down the answer."""

    def finish(*_: object) -> None:
        time.sleep(0.3)  # the rest of its task
        url = urlsplit(os.environ["REDIS_URL"])
        with socket.create_connection(("127.0.0.1", url.port or 0)) as connection:
            connection.sendall(f"AUTH {url.password}\r\n".encode())
            Path(os.environ["ONWARD_HOME"], "last words").write_bytes(connection.recv(16))
        sys.exit()

    signal.signal(signal.SIGTERM, finish)
    sys.stdout.write("worker is ready.\n")
    sys.stdout.flush()
    time.sleep(300)


def failing() -> None:
    sys.exit("the sky is falling")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
