"""Results as Markdown tables, to be read on a terminal and pasted into docs/performance.md."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; every column but the first two is set to the right."""
    rule = ["---" if at < 2 else "---:" for at in range(len(headings))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (headings, rule, *rows))


def seconds(value: float) -> str:
    return f"{value * 1000:.2f} ms" if value < 0.01 else f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def machine() -> str:
    """What the numbers were measured on, and whether anything else was running."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return (
        f"{os.cpu_count()} cores of {model}, {memory_gb:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}; load average before the run {os.getloadavg()[0]:.1f}"
    )
