"""The process that listens at a port, and what Linux has counted of it since it started."""

import os
from pathlib import Path


def process_at(port: int) -> Path:
    """Its folder under /proc. Raises SystemExit when nobody listens there."""
    inode = next(
        (
            fields[9]
            for fields in map(str.split, Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
            if fields[1].endswith(f":{port:04X}") and fields[3] == "0A"
        ),
        None,
    )
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if f"socket:[{inode}]" in links:
            return process
    raise SystemExit(f"no process listens at {port}")


def peak_mb(process: Path) -> float:
    status = (process / "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def cpu_seconds(process: Path) -> float:
    """Of all its threads: what a busy machine does not make longer."""
    fields = (process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
