"""The layout of a day file, the contract with everyone who reads or writes the folder.

One row per event, sorted by (session_id, at_ms, id). Columns: `session` (int32, from 0, rising by one with
each session of the file), `session_id`, `at_ms` (int64, UTC, floor of milliseconds), `id` (16 bytes),
`name`, `client_id`, `user_id`, and one column per property seen in the file, `p.<property>`. Text is
dictionary-encoded; property values are text as PostgreSQL's `->>` gives it; null is missing.
"""

from collections.abc import Sequence
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
    tables = [_coded(fresh)] if before is None else [_coded(before), _coded(fresh)]
    rows = pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()
    session = _ranks(rows["session_id"])
    keys = pa.table({"session": session, "at_ms": rows["at_ms"], "id": rows["id"]})
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names])
    rows = rows.take(order)
    numbers = pa.array(_session_numbers(session[order.to_numpy()]), pa.int32())
    kept = [name for name in rows.column_names if name in FRESH.names or rows[name].null_count < len(rows)]
    return rows.select(kept).add_column(0, "session", numbers)


def without_sessions(table: pa.Table, session_ids: Sequence[str]) -> pa.Table:
    """The rows of all other sessions. What only these sessions said is in no dictionary any more."""
    codes, dictionary = codes_and_dictionary(table["session_id"])
    gone = pc.is_in(dictionary, value_set=pa.array(session_ids, pa.string())).to_numpy(zero_copy_only=False)
    staying = table.filter(pa.array(~gone[codes]))
    return pa.table({name: _text(staying[name]) for name in staying.column_names})


def sessions_quiet_since(table: pa.Table, at_ms: int) -> list[str]:
    """The ids of the sessions without an event at `at_ms` or later."""
    session = table["session"].to_numpy()
    is_last = np.append(session[1:] != session[:-1], len(session) > 0)[: len(session)]
    quiet = is_last & (table["at_ms"].to_numpy() < at_ms)
    return [str(session_id) for session_id in table["session_id"].filter(pa.array(quiet)).to_pylist()]


def profile(table: pa.Table) -> dict[str, Any]:
    """What is asked of a file without opening it: its event names, the time of the newest event of each, and
    how properties behave.
    """
    session = table["session"].to_numpy()
    codes, names = codes_and_values(table["name"])
    counts = np.bincount(codes, minlength=len(names))
    newest_ms = np.full(len(names), np.iinfo(np.int64).min)
    np.maximum.at(newest_ms, codes, table["at_ms"].to_numpy())
    present = np.flatnonzero(counts)
    return {
        "names": {names[code]: int(counts[code]) for code in present},
        "newest_ms": {names[code]: int(newest_ms[code]) for code in present},
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
    chunks = [_codes(chunk.indices) for chunk in encoded.chunks]
    codes = np.concatenate(chunks) if chunks else np.empty(0, np.int32)
    dictionary = encoded.chunk(0).dictionary if chunks else pa.array([], pa.string())
    return codes.astype(np.int32, copy=False), dictionary


def _codes(indices: pa.Array) -> np.ndarray:
    filled = indices.fill_null(-1) if indices.null_count else indices
    codes: np.ndarray = filled.to_numpy()
    return codes


def first_per_session(session: np.ndarray, codes: np.ndarray, sessions: int) -> np.ndarray:
    """Each session's first code that is not missing, -1 without one."""
    first = np.full(sessions, -1, np.int32)
    present = np.flatnonzero(codes >= 0)[::-1]
    first[session[present]] = codes[present]
    return first


def _dimension_profile(session: np.ndarray, column: pa.ChunkedArray) -> dict[str, Any]:
    codes, values = codes_and_dictionary(column)
    sessions = int(session[-1]) + 1 if len(session) else 0
    first = first_per_session(session, codes, sessions)
    differs = (codes >= 0) & (codes != first[session])
    counts = np.bincount(first[first >= 0], minlength=len(values))
    top = np.argsort(-counts, kind="stable")[:PROFILED_VALUES]
    return {
        "sessions": int((first >= 0).sum()),
        "varying": len(np.unique(session[differs])),
        "values": int((counts > 0).sum()),
        "top": {values[code].as_py(): int(counts[code]) for code in top if counts[code]},
    }


def _ranks(session_ids: pa.ChunkedArray) -> np.ndarray:
    """The place of each row's session among all of them, in the order of their ids as bytes."""
    codes, dictionary = codes_and_dictionary(session_ids)
    ranks = np.empty(len(dictionary), np.int32)
    ranks[pc.sort_indices(dictionary).to_numpy()] = np.arange(len(dictionary), dtype=np.int32)
    return np.take(ranks, codes)


def _session_numbers(ranks: np.ndarray) -> np.ndarray:
    starts_new = np.zeros(len(ranks), np.int32)
    starts_new[1:] = ranks[1:] != ranks[:-1]
    return np.cumsum(starts_new, dtype=np.int32)


def _coded(table: pa.Table) -> pa.Table:
    names = [name for name in table.column_names if name != "session"]
    return pa.table({name: _encoded(table[name]) for name in names})


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.dictionary_encode() if column.type == pa.string() else column


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
