"""Imports the sample into servers of its own, as a person would, and prints the time and the peak memory.

The first run makes the servers and is not counted; the second imports into empty tables.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOG = ROOT / "sample" / "bpi2012.csv.gz"
MAP = "session_id=case_id,name=event,occurred_at=timestamp"


def onward(home: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "analytics", *arguments]
    environ = {**os.environ, "ONWARD_HOME": home}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        onward(home, "sync")
        report = json.loads(onward(home, "import", str(LOG), "--map", MAP, "--json"))
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    speed = report["events"] / report["seconds"]
    print(f"{report['events']:,} events in {report['seconds']:.1f} s ({speed:,.0f}/s), peak {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
