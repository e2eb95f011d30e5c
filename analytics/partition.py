"""One day file in memory, as flat arrays; columns are read when first asked for."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analytics.columns import codes_and_dictionary, codes_and_values, column_of
from analytics.kernel.once import moments_of_names
from analytics.kernel.touches import first_codes

_BYTES_PER_VALUE = 100
_ALL = np.empty(0, np.bool_)
Reader = Callable[[Sequence[str]], pa.Table]


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A text column: `values[codes[i]]` is the text of row i; code -1 is missing."""

    codes: NDArray[np.int32]
    values: tuple[str, ...]


class Partition:
    """The events of one file: `starts` (first row of each session, and the end), `at_ms`, `name`.

    `read` returns the named columns of the file; a name that the file does not have is left out. Two
    threads that ask for the same column at once both read it, and one result stays.
    """

    def __init__(self, read: Reader, kept: NDArray[np.bool_] | None = None) -> None:
        self._read = read
        self._kept = kept
        base = read(["session", "at_ms", "name"])
        # Copies: what pyarrow allocates and does not get back costs it several times the time to read it.
        self.at_ms: NDArray[np.int64] = np.array(base["at_ms"].to_numpy())
        self.name = _copied(*_tupled(base["name"]))
        self.starts = _starts(base["session"].to_numpy())
        if kept is not None:
            self.at_ms = self.at_ms[kept]
            self.name = Coded(self.name.codes[kept], self.name.values)
            self.starts = np.concatenate([[0], np.cumsum(kept)])[self.starts].astype(np.int32)
        self._columns: dict[str, Coded] = {}
        self._firsts: dict[str, Coded] = {}
        self._varying: dict[str, bool] = {}
        self._moments: dict[tuple[int, ...], NDArray[np.int64]] = {}

    @classmethod
    def of_table(cls, table: pa.Table) -> "Partition":
        """From a table in the layout of columns.py."""
        return cls(lambda names: table.select([name for name in names if name in table.column_names]))

    def only(self, kept: NDArray[np.bool_]) -> "Partition":
        """The same sessions with only some of their events, as if the others had not happened."""
        if self._kept is None:
            return Partition(self._read, kept)
        of_all = self._kept.copy()
        of_all[self._kept] = kept
        return Partition(self._read, of_all)

    @property
    def is_filtered(self) -> bool:
        """Whether events of the file are left out."""
        return self._kept is not None

    @property
    def sessions(self) -> int:
        return len(self.starts) - 1

    @property
    def nbytes(self) -> int:
        """Memory held now, about; it grows as columns are asked for."""
        loaded = [self.name, *self._columns.values(), *self._firsts.values()]
        fixed = (
            self.at_ms.nbytes + self.starts.nbytes + sum(moments.nbytes for moments in self._moments.values())
        )
        return fixed + sum(column.codes.nbytes + _BYTES_PER_VALUE * len(column.values) for column in loaded)

    def moments(self, names: Sequence[Sequence[str]]) -> list[NDArray[np.int64]]:
        """Of several sets of event names without one in common, when each happened in each session.

        It is the time of the only such event; kernel NEVER without one, SEVERAL with more.
        """
        code_of = {value: code for code, value in enumerate(self.name.values)}
        keys = [tuple(sorted({code_of[name] for name in several if name in code_of})) for several in names]
        if missing := [key for key in dict.fromkeys(keys) if key not in self._moments]:
            place_of_code = np.full(len(self.name.values) + 1, len(missing), np.int32)
            for place, key in enumerate(missing):
                place_of_code[list(key)] = place
            found = np.empty((len(missing), self.sessions), np.int64)
            moments_of_names(self.starts, self.at_ms, self.name.codes, place_of_code, found)
            self._moments.update(zip(missing, found, strict=True))
        return [self._moments[key] for key in keys]

    def session_of_events(self) -> NDArray[np.int32]:
        """The number of the session of every event."""
        return np.repeat(np.arange(self.sessions, dtype=np.int32), np.diff(self.starts))

    def column(self, dimension: str) -> Coded:
        """The property on every event; all missing when no event of this file has it."""
        if dimension not in self._columns:
            self._columns[dimension] = self._coded(dimension)
        return self._columns[dimension]

    def first_of_session(self, dimension: str) -> Coded:
        """The property of every session: its first non-empty value."""
        if dimension not in self._firsts:
            # The column itself is not kept: it is many times as large, and few ask for it.
            column = self._columns.get(dimension) or self._coded(dimension)
            self._firsts[dimension] = Coded(first_codes(self.starts, column.codes, _ALL), column.values)
        return self._firsts[dimension]

    def varies_in_session(self, dimension: str) -> bool:
        """Whether some session has more than one non-empty value of the property."""
        if dimension not in self._varying:
            codes, firsts = self._coded(dimension).codes, self.first_of_session(dimension).codes
            others = (codes >= 0) & (codes != firsts[self.session_of_events()])
            self._varying[dimension] = bool(others.any())
        return self._varying[dimension]

    def session_ids(self) -> pa.Array:
        """The id of every session, by number. Reads them each time: few callers need them."""
        column = self._read(["session_id"])["session_id"]
        codes, dictionary = codes_and_dictionary(column)
        firsts = _starts(self._read(["session"])["session"].to_numpy())[:-1]
        return dictionary.take(pa.array(codes[firsts]))

    def numbers_of(self, session_ids: Collection[str]) -> dict[int, str]:
        """Which of these sessions are here: number -> id."""
        if not session_ids:
            return {}
        ids = self.session_ids()
        here = pc.is_in(ids, value_set=pa.array(session_ids, pa.string())).to_numpy(zero_copy_only=False)
        return {int(number): ids[number].as_py() for number in np.flatnonzero(here)}

    def _coded(self, dimension: str) -> Coded:
        name = column_of(dimension)
        table = self._read([name])
        if name not in table.column_names:
            return Coded(np.full(len(self.at_ms), -1, np.int32), ())
        codes, values = _tupled(table[name])
        return Coded(codes if self._kept is None else codes[self._kept], values)


def _copied(codes: NDArray[np.int32], values: tuple[str, ...]) -> Coded:
    return Coded(np.array(codes), values)


def _tupled(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    codes, values = codes_and_values(column)
    return codes, tuple(values)


def _starts(session: NDArray[np.int32]) -> NDArray[np.int32]:
    """Where each session begins, and the end; sessions are numbered from 0 without a gap."""
    if not len(session):
        return np.zeros(1, np.int32)
    changes = np.flatnonzero(session[1:] != session[:-1]) + 1
    return np.concatenate([[0], changes, [len(session)]]).astype(np.int32)
