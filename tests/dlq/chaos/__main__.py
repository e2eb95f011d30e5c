"""`python -m tests.dlq.chaos --tasks 10000 --seed 1`: prints what was killed and what was lost or doubled."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.dlq.chaos.run import run
from tests.dlq.chaos.world import running_world


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.dlq.chaos")
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two kills")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and data")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="onward-chaos-"))
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {line}", flush=True)

    try:
        with running_world(home, options.seed) as world:
            outcome = run(world, options.tasks, pause_seconds=options.pause, say=say)
    finally:
        if options.keep:
            say(f"kept {home}")
        else:
            shutil.rmtree(home)
    say(str(outcome))
    return 0 if outcome.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
