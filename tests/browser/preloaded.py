"""A process that has imported what a dashboard needs, and forks one whenever it is told where.

A fork has answered nobody and imported no page, so its first request meets what the first request to a new
process meets, seconds sooner. Told by a line of JSON: {"port", "log", "environ"}; answers with the
process id.
"""

import json
import os
import sys

import numba
import plotly.express as px
import scipy.stats
import streamlit.web.cli

import api.app
import recovery.dashboard

PRELOADED = (numba, px, scipy.stats, api.app, recovery.dashboard)


def main() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if child == 0:
            _become_dashboard(**told)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _become_dashboard(port: int, log: str, environ: dict[str, str]) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(environ)
    sys.argv = ["streamlit", "run", "app.py", "--server.port", str(port)]
    streamlit.web.cli.main()


if __name__ == "__main__":
    main()
