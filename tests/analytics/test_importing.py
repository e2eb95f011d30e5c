"""Reading rows and making events of them, without a database."""

import datetime as dt
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.errors import InvalidEvent, SourceUnusable
from analytics.importing import csv_source
from analytics.importing.files import open_file
from analytics.importing.rows import ColumnMap, EventMaker, parsed_time
from analytics.importing.source import Row

HEADER = "session_id,name,occurred_at,note\n"
NOON = dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC)
FIELDS = {"session_id": "session_id", "name": "name", "occurred_at": "occurred_at"}


def rows_of(path: Path, content: str | bytes) -> list[Row]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(open_file(path).rows())


def notes(rows: list[Row]) -> list[str]:
    """Every row's note, or what is wrong with it and on which line."""
    return [f"{row.line}: {row.problem}" if row.problem else row.values["note"] for row in rows]


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: gzip.compress(text.encode()),
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: text.replace("x", '"x"').encode(),
    ],
    ids=["plain", "mark", "crlf", "no-last-end", "gzip", "semicolon", "tab", "quoted"],
)
def test_csv_in_the_forms_that_programs_write(tmp_path: Path, encoded: Any) -> None:
    rows = rows_of(tmp_path / "a.csv", encoded(HEADER + "s1,A,2024-01-01,x\ns2,B,2024-01-02,\u00e9\n"))
    assert notes(rows) == ["x", "\u00e9"]
    assert [row.line for row in rows] == [2, 3]


def test_quoted_fields_may_hold_line_ends_delimiters_and_quotes(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.csv", HEADER + 's1,A,t,"one\ntwo, ""three"""\ns2,A,t,5" pipe\ns3,A,t,z\n')
    assert notes(rows) == ['one\ntwo, "three"', '5" pipe', "z"]
    assert [row.line for row in rows] == [2, 4, 5]


@pytest.mark.parametrize(
    "broken",
    ['s1,A,t,"open', 's1,"A,t,x', '"s1,A,t,x', 's1,A,t,"x"y', '"'],
)
def test_broken_quoting_costs_its_own_line_only(tmp_path: Path, broken: str) -> None:
    rows = rows_of(tmp_path / "a.csv", f'{HEADER}s0,A,t,a\n{broken}\ns2,A,t,b\ns3,A,t,"c"\ns4,A,t,"d\ne"\n')
    found = notes(rows)
    assert [found[0], *found[2:]] == ["a", "b", "c", "d\ne"]
    assert found[1].startswith("3: has")


def test_an_open_quote_gives_up_after_a_bounded_number_of_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_source, "MAX_RECORD_LINES", 3)
    rows = rows_of(tmp_path / "a.csv", HEADER + 's0,A,t,"x\n' + "s,A,t,y\n" * 9)
    assert notes(rows) == ["2: has broken quoting: unexpected end of data", *["y"] * 9]


def test_lines_that_cannot_be_read_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    long = b"s1,A,t," + b"x" * (1 << 20) + b"\n"
    content = (
        HEADER.encode() + b"s1,A,t,\xff\n" + b"s1,A,t,a\0b\n" + long + b"s1,A\n" + b"\n" + b"s1,A,t,end\n"
    )
    assert notes(rows_of(tmp_path / "a.csv", content)) == [
        "2: not UTF-8 at byte 8",
        "3: contains a NUL character",
        "4: longer than 1,048,576 bytes",
        "5: has 2 fields; the header has 4",
        "end",
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"\xff\xfea\0,\0", "a.csv is UTF-16"),
        ("a.csv", b"a,b,a\n", "two columns called 'a'"),
        ("a.csv", b"a\0b,c\n", "the first line of a.csv: contains a NUL character"),
        ("a.parquet", b"no", "a.parquet is not a Parquet file"),
        ("a.xlsx", b"", "cannot tell the format of a.xlsx"),
    ],
)
def test_a_file_of_no_use_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    with pytest.raises(SourceUnusable, match=problem):
        rows_of(tmp_path / name, content)


def test_a_damaged_gzip_gives_its_rows_and_then_says_so(tmp_path: Path) -> None:
    whole = gzip.compress((HEADER + "".join(f"s{n},A,t,{n * n}\n" for n in range(50_000))).encode())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    given = []
    with pytest.raises(SourceUnusable, match="damaged after line"):
        given.extend(open_file(path).rows())
    header_only = tmp_path / "b.csv"
    header_only.write_text(HEADER)
    assert list(open_file(header_only).rows()) == []


def test_json_lines_keep_types_and_refuse_what_is_not_an_object(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path / "a.jsonl",
        '{"session_id": 7, "note": 1.0, "properties": {"paid": true, "note": "inner"}}\n\n[1]\n{"a":\n'
        '{"note": NaN}\n' + "[" * 100_000 + "\n",
    )
    assert rows[0].values == {"session_id": 7, "note": 1.0, "paid": True}
    assert [(row.line, (row.problem or "")[:20]) for row in rows[1:]] == [
        (3, "is a JSON list, not "), (4, "is not JSON: Expecti"), (5, "is not JSON: NaN is "),
        (6, "is nested too deeply"),
    ]  # fmt: skip


def test_parquet_rows_keep_times_and_numbers(tmp_path: Path) -> None:
    moment = NOON.replace(tzinfo=None)
    table = pa.table({"session_id": ["a", None], "occurred_at": [moment, moment], "n": [1, None]})
    pq.write_table(table, tmp_path / "a.parquet")
    first, second = open_file(tmp_path / "a.parquet").rows()
    assert first.values == {"session_id": "a", "occurred_at": moment, "n": 1}
    assert (second.line, second.values["session_id"]) == (2, None)


@pytest.mark.parametrize(
    "written",
    [
        "2024-01-31T12:00:00Z", "2024-01-31 12:00", "2024-01-31T14:00:00+02:00", "2024-01-31 12:00:00 UTC",
        " 2024-01-31T12:00:00.000000+00 ", "20240131T120000", 1706702400, "1706702400", 1706702400000,
        "1706702400000", "1706702400.0", 1706702400.0, Decimal(1706702400), NOON, NOON.replace(tzinfo=None),
    ],
)  # fmt: skip
def test_times_are_understood_as_people_and_programs_write_them(written: object) -> None:
    assert parsed_time(written) == NOON


@pytest.mark.parametrize("written", ["1712123112305", "1712123112305.0"])
def test_milliseconds_whose_digits_also_make_a_day_are_milliseconds(written: str) -> None:
    assert parsed_time(written) == dt.datetime(2024, 4, 3, 5, 45, 12, 305_000, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "written",
    [None, "", "soon", "2024-13-01", "31.01.2024", "0001-01-01T00:00:00+14:00", "1969-12-31", "2525-01-01",
     0, 12, -1, 1e30, "1e400", "nan", True, [], "9999-12-31T23:59:59-01:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(written: object) -> None:
    with pytest.raises(InvalidEvent, match="occurred_at"):
        parsed_time(written)


def line(**values: Any) -> list[str | None]:
    given = {"session_id": "s1", "name": "A", "occurred_at": "2024-01-31T12:00Z"} | values
    fields = EventMaker(FIELDS).copy_line(Row(2, given, None)).removesuffix("\n").split("\t")
    return [field or None for field in fields]


def test_unmapped_columns_become_properties_and_empty_cells_do_not() -> None:
    content, *fields = line(plan="pro", empty="", nothing=None, n=Decimal("1.50"), day=NOON.date())
    assert fields[:3] == ["s1", "A", "2024-01-31T12:00:00+00:00"]
    assert json.loads(fields[5] or "") == {"plan": "pro", "n": 1.5, "day": "2024-01-31"}
    assert len(content or "") == 32


def test_equal_events_have_equal_content_whatever_the_order_of_their_columns() -> None:
    first = line(a="1", b="2")
    assert line(b="2", a="1") == first
    assert line(occurred_at="2024-01-31T13:00+01:00", a="1", b="2") == first
    assert line(a="12", b="")[0] != line(a="1", b="2")[0]
    assert line(name="A\tB")[0] != line(name="A", user_id="B")[0]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"session_id": ""}, "session_id is missing"),
        ({"session_id": True}, "session_id is True"),
        ({"session_id": ["a"]}, "session_id is"),
        ({"name": "  "}, "name is missing"),
        ({"name": "n" * 257}, "name has 257 characters"),
        ({"x": "\ud800"}, "property 'x' contains half"),
        ({"x": {"y": "\0"}}, "property 'x' contains a NUL"),
        ({"x": float("inf")}, "property 'x' is inf"),
        ({f"p{n}": 1 for n in range(501)}, "properties are 501"),
    ],
)
def test_an_event_that_cannot_be_stored_is_refused_with_its_field(
    values: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidEvent, match=problem):
        line(**values)


def test_a_missing_column_is_named_with_those_that_exist() -> None:
    mapping = ColumnMap.parse("session_id=case_id,occurred_at=timestamp")
    with pytest.raises(
        SourceUnusable, match=r"no column 'name' for name; .*columns: case_id, event, timestamp"
    ):
        mapping.columns(["case_id", "event", "timestamp"])
    with pytest.raises(
        SourceUnusable, match=r"'session_id' for session_id, 'name' for name.*=COLUMN,name=COLUMN$"
    ):
        ColumnMap({}).columns(["case_id", "event", "occurred_at"])
    with pytest.raises(SourceUnusable, match="unknown field 'sesion_id'; did you mean 'session_id'"):
        ColumnMap.parse("sesion_id=case_id")
    with pytest.raises(SourceUnusable, match="field=column"):
        ColumnMap.parse("session_id")


def test_line_ends_of_cr_alone_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes(b"session_id,name,occurred_at\rs1,a,2024-01-01\r")
    with pytest.raises(SourceUnusable, match="CR alone; save it with LF"):
        open_file(path)


def test_a_delimiter_is_one_character(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("session_id,name,occurred_at\n")
    with pytest.raises(SourceUnusable, match="'ab', but must be one character"):
        open_file(path, "ab")
