"""The layout of a day file, the contract with everyone who reads or writes the folder.

One row per event, sorted by (session_id, at_ms, id). Columns: `session` (int32, from 0, rising by one with
each session of the file), `session_id`, `at_ms` (int64, UTC, floor of milliseconds), `id` (16 bytes),
`name`, `client_id`, `user_id`, and one column per property seen in the file, `p.<property>`. Text is
dictionary-encoded; property values are text as PostgreSQL's `->>` gives it; null is missing.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PROPERTY_PREFIX = "p."
IDENTITY_COLUMNS = ("client_id", "user_id")
CODED = pa.dictionary(pa.int32(), pa.string())
#: What a fresh batch of events must hold, before properties.
FRESH = pa.schema(
    [
        ("session_id", pa.string()),
        ("at_ms", pa.int64()),
        ("id", pa.binary(16)),
        ("name", pa.string()),
        ("client_id", pa.string()),
        ("user_id", pa.string()),
    ]
)
#: Values of a property that a file's profile lists, the most frequent first.
PROFILED_VALUES = 50


def column_of(dimension: str) -> str:
    """The file column that holds a property, or `client_id` and `user_id`."""
    return dimension if dimension in IDENTITY_COLUMNS else PROPERTY_PREFIX + dimension


def property_of(column: str) -> str:
    return column.removeprefix(PROPERTY_PREFIX)


def sealed(fresh: pa.Table, before: pa.Table | None = None) -> pa.Table:
    """The table of a new file: `fresh` events and those of the file `before`, sorted and encoded."""
    tables = [_plain(fresh)] if before is None else [_plain(before), _plain(fresh)]
    rows = pa.concat_tables(tables, promote_options="default")
    order = pc.sort_indices(
        rows, sort_keys=[("session_id", "ascending"), ("at_ms", "ascending"), ("id", "ascending")]
    )
    rows = rows.take(order).combine_chunks()
    columns: dict[str, Any] = {"session": pa.array(_session_numbers(rows["session_id"]), pa.int32())}
    for name in rows.column_names:
        column = rows[name]
        if name in FRESH.names or column.null_count < len(column):
            columns[name] = column.cast(CODED) if column.type == pa.string() else column
    return pa.table(columns)


def without_sessions(table: pa.Table, session_ids: list[str]) -> pa.Table:
    gone = pc.is_in(_text(table["session_id"]), value_set=pa.array(session_ids, pa.string()))
    return table.filter(pc.invert(gone))


def profile(table: pa.Table) -> dict[str, Any]:
    """What the filters need to know of a file without opening it: event names, and how properties behave."""
    session = table["session"].to_numpy()
    return {
        "names": {
            entry["values"]: entry["counts"] for entry in pc.value_counts(_text(table["name"])).to_pylist()
        },
        "dimensions": {
            property_of(name): _dimension_profile(session, table[name])
            for name in table.column_names
            if name.startswith(PROPERTY_PREFIX) or name in IDENTITY_COLUMNS
        },
    }


def codes_and_values(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """int32 codes, -1 where missing, and the values they stand for."""
    codes, dictionary = codes_and_dictionary(column)
    return codes, dictionary.to_pylist()


def codes_and_dictionary(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    encoded = (column.cast(CODED) if column.type != CODED else column).unify_dictionaries()
    chunks = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    codes = np.concatenate(chunks) if chunks else np.empty(0, np.int32)
    dictionary = encoded.chunk(0).dictionary if chunks else pa.array([], pa.string())
    return codes.astype(np.int32, copy=False), dictionary


def first_per_session(session: np.ndarray, codes: np.ndarray, sessions: int) -> np.ndarray:
    """Each session's first code that is not missing, -1 without one."""
    first = np.full(sessions, -1, np.int32)
    present = np.flatnonzero(codes >= 0)[::-1]
    first[session[present]] = codes[present]
    return first


def _dimension_profile(session: np.ndarray, column: pa.ChunkedArray) -> dict[str, Any]:
    codes, values = codes_and_values(column)
    sessions = int(session[-1]) + 1 if len(session) else 0
    first = first_per_session(session, codes, sessions)
    varying = np.unique(session[(codes >= 0) & (codes != first[session])])
    counts = np.bincount(first[first >= 0], minlength=len(values))
    top = np.argsort(-counts, kind="stable")[:PROFILED_VALUES]
    return {
        "sessions": int((first >= 0).sum()),
        "varying": len(varying),
        "values": int((counts > 0).sum()),
        "top": {values[code]: int(counts[code]) for code in top if counts[code]},
    }


def _session_numbers(session_ids: pa.ChunkedArray) -> np.ndarray:
    codes, _ = codes_and_values(session_ids)
    starts_new = np.ones(len(codes), np.int32)
    starts_new[1:] = codes[1:] != codes[:-1]
    return np.cumsum(starts_new, dtype=np.int32) - 1


def _plain(table: pa.Table) -> pa.Table:
    names = [name for name in table.column_names if name != "session"]
    return pa.table({name: _text(table[name]) for name in names})


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
