"""Rows written as CSV and as Parquet, and read again by others' readers."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.exports import as_parquet
from recovery.exports.as_csv import csv_blocks
from recovery.exports.as_parquet import parquet_blocks
from recovery.exports.table import Rows

BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NOON = datetime(2026, 3, 1, 12, 0, 4, 5000, tzinfo=UTC)
KINDS = pa.schema(
    [
        ("text", pa.string()),
        ("whole", pa.int64()),
        ("number", pa.float64()),
        ("truth", pa.bool_()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("ms", "UTC")),
    ]
)
ROW = {"text": "a", "whole": -3, "number": 0.5, "truth": True, "day": date(2026, 3, 1), "moment": NOON}


def rows_of(*batches, schema=KINDS):
    return Rows(schema, iter([pa.RecordBatch.from_pylist(list(rows), schema) for rows in batches]))


def texts(*cells):
    return rows_of([{"text": cell} for cell in cells], schema=pa.schema([("text", pa.string())]))


def read_csv(rows):
    written = b"".join(csv_blocks(rows)).decode()
    return list(csv.reader(io.StringIO(written, newline="")))


def read_parquet(rows):
    return pq.read_table(io.BytesIO(b"".join(parquet_blocks(rows))))


def test_each_kind_of_value_is_written_so_that_programs_read_it():
    head, full, empty = read_csv(rows_of([ROW], [dict.fromkeys(ROW)]))
    assert head == list(ROW)
    assert full == ["a", "-3", "0.5", "true", "2026-03-01", "2026-03-01T12:00:04.005Z"]
    assert datetime.fromisoformat(full[-1]) == NOON
    assert empty == [""] * 6


def test_lines_end_as_the_standard_says():
    assert b"".join(csv_blocks(texts("a", "b"))) == b"text\r\na\r\nb\r\n"


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(beginning):
    assert read_csv(texts("quiet", f"{beginning}cmd", f"a{beginning}"))[1:] == [
        ["quiet"],
        [f"'{beginning}cmd"],
        [f"a{beginning}"],
    ]


def test_a_name_of_a_column_is_text_like_any_other():
    rows = rows_of([], schema=pa.schema([("=1+1", pa.string()), ('say "hi"', pa.string())]))
    assert read_csv(rows) == [["'=1+1", 'say "hi"']]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_every_text_comes_back_as_it_was(cells):
    found = [row[0] if row else "" for row in read_csv(texts(*cells))[1:]]
    guarded = [f"'{cell}" if cell.startswith(BEGINNINGS) else cell for cell in cells]
    assert found == guarded
    assert read_parquet(texts(*cells)).column("text").to_pylist() == cells


def test_parquet_keeps_types_and_writes_formulas_as_they_are():
    table = read_parquet(rows_of([ROW | {"text": "=1"}], [dict.fromkeys(ROW)]))
    assert table.schema.equals(KINDS)
    assert table.to_pylist() == [ROW | {"text": "=1"}, dict.fromkeys(ROW)]


def test_a_table_without_rows_has_its_columns():
    assert read_csv(rows_of()) == [list(ROW)]
    assert read_parquet(rows_of()).schema.equals(KINDS)


def test_a_row_group_is_sent_once_it_is_whole(monkeypatch):
    monkeypatch.setattr(as_parquet, "MOST_ROWS", 4)
    blocks = list(parquet_blocks(rows_of(*[[ROW, ROW]] * 5)))
    # Four bytes open the file.
    assert [len(block) > 4 for block in blocks] == [False, True, False, True, False, True]
    groups = pq.ParquetFile(io.BytesIO(b"".join(blocks))).metadata
    assert [groups.row_group(at).num_rows for at in range(groups.num_row_groups)] == [4, 4, 2]


@pytest.mark.parametrize("encode", [csv_blocks, parquet_blocks])
def test_no_batch_is_made_before_it_is_asked_for_and_none_after_the_reader_has_gone(encode):
    made, ended = [], []

    def batches():
        try:
            for nth in range(100):
                made.append(nth)
                yield pa.RecordBatch.from_pylist([ROW], KINDS)
        finally:
            ended.append(True)

    blocks = encode(Rows(KINDS, batches()).begun())
    assert made == [0]
    next(blocks)
    next(blocks)
    blocks.close()
    assert len(made) <= 2
    assert ended == [True]


def test_moments_before_our_time_and_far_ahead_are_written():
    early, late = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC) + timedelta(hours=23)
    schema = pa.schema([("moment", pa.timestamp("us", "UTC"))])
    written = read_csv(rows_of([{"moment": early}, {"moment": late}], schema=schema))[1:]
    assert [datetime.fromisoformat(row[0]) for row in written] == [early, late]
