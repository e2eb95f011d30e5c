"""The rows of a store as the other engines like them best: one number per session, steps resolved.

One Parquet file a day: `session` (uint32, over all days), `at_ms`, `step` (1 to 5, 0 for other events),
`language`. The other engines load from these files, or read them in place.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analytics import catalogue
from analytics.columns import codes_and_values, column_of
from benchmarks.journeys import STEPS
from benchmarks.task import BREAKDOWN
from benchmarks.world import World

_STEP = {name: number for number, name in enumerate(STEPS, start=1)}


def write_flat(world: World) -> None:
    """Write the files of the world's live store, unless they are those of its version already."""
    listed = catalogue.read(world.engine)
    folder = world.home / "flat"
    made_of = folder / "version"
    if made_of.exists() and made_of.read_text() == str(listed.version):
        return
    folder.mkdir(exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    sessions = 0
    for file in listed.files:
        table = world.store.read(file.path, ["session", "at_ms", "name", column_of(BREAKDOWN)])
        _write(folder / f"{file.day}.parquet", table, sessions)
        sessions += file.sessions
    made_of.write_text(str(listed.version))


def _write(path: Path, table: pa.Table, first_session: int) -> None:
    codes, names = codes_and_values(table["name"])
    step_of_code = np.array([_STEP.get(name, 0) for name in names], np.uint8)
    flat = pa.table(
        {
            "session": pa.array(table["session"].to_numpy().astype(np.uint32) + np.uint32(first_session)),
            "at_ms": table["at_ms"],
            "step": pa.array(step_of_code[codes]),
            "language": table[column_of(BREAKDOWN)],
        }
    )
    pq.write_table(flat, path, compression="zstd", row_group_size=max(1, len(flat)))
