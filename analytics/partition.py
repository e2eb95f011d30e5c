"""One day file in memory, as flat arrays; columns are read when first asked for."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analytics.columns import codes_and_dictionary, codes_and_values, column_of, first_per_session

_BYTES_PER_VALUE = 100
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

    def __init__(self, read: Reader) -> None:
        self._read = read
        base = read(["session", "at_ms", "name"])
        self.session: NDArray[np.int32] = base["session"].to_numpy()
        self.at_ms: NDArray[np.int64] = base["at_ms"].to_numpy()
        self.name = Coded(*_tupled(base["name"]))
        self.starts = _starts(self.session)
        self._columns: dict[str, Coded] = {}
        self._firsts: dict[str, Coded] = {}

    @classmethod
    def of_table(cls, table: pa.Table) -> "Partition":
        """From a table in the layout of columns.py."""
        return cls(lambda names: table.select([name for name in names if name in table.column_names]))

    @property
    def sessions(self) -> int:
        return len(self.starts) - 1

    @property
    def nbytes(self) -> int:
        """Memory held now, about; it grows as columns are asked for."""
        loaded = [self.name, *self._columns.values(), *self._firsts.values()]
        fixed = self.session.nbytes + self.at_ms.nbytes + self.starts.nbytes
        return fixed + sum(column.codes.nbytes + _BYTES_PER_VALUE * len(column.values) for column in loaded)

    def column(self, dimension: str) -> Coded:
        """The property on every event; all missing when no event of this file has it."""
        if dimension not in self._columns:
            name = column_of(dimension)
            table = self._read([name])
            if name in table.column_names:
                self._columns[dimension] = Coded(*_tupled(table[name]))
            else:
                self._columns[dimension] = Coded(np.full(len(self.at_ms), -1, np.int32), ())
        return self._columns[dimension]

    def first_of_session(self, dimension: str) -> Coded:
        """The property of every session: its first non-empty value."""
        if dimension not in self._firsts:
            column = self.column(dimension)
            self._firsts[dimension] = Coded(
                first_per_session(self.session, column.codes, self.sessions), column.values
            )
        return self._firsts[dimension]

    def session_ids(self) -> list[str]:
        """The id of every session, by number. Reads them each time: few callers need them."""
        codes, values = codes_and_values(self._read(["session_id"])["session_id"])
        return [values[code] for code in codes[self.starts[:-1]]]

    def numbers_of(self, session_ids: Collection[str]) -> dict[int, str]:
        """Which of these sessions are here: number -> id."""
        codes, dictionary = codes_and_dictionary(self._read(["session_id"])["session_id"])
        wanted = pc.is_in(dictionary, value_set=pa.array(session_ids, pa.string()))
        code_of_session = codes[self.starts[:-1]]
        found = np.flatnonzero(
            np.isin(code_of_session, np.flatnonzero(wanted.to_numpy(zero_copy_only=False)))
        )
        return {int(number): dictionary[code_of_session[number]].as_py() for number in found}


def _tupled(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    codes, values = codes_and_values(column)
    return codes, tuple(values)


def _starts(session: NDArray[np.int32]) -> NDArray[np.int64]:
    starts = np.flatnonzero(np.diff(session)) + 1
    return (
        np.concatenate([[0], starts, [len(session)]]).astype(np.int64)
        if len(session)
        else np.zeros(1, np.int64)
    )
