"""What can go wrong with an export, before its first byte.

ExportError
├── UnknownTable       no table has this name
├── UnknownParameter   the table cannot be asked with it
├── BadParameter       a parameter has a value that the table cannot be asked with
└── CannotWrite        the file cannot be made there
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class ExportError(Exception):
    """Of this package."""


class UnknownTable(ExportError):
    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        super().__init__(f"no table is called {name!r}{hint} There are: {', '.join(names)}")
        self.name = name


class UnknownParameter(ExportError):
    def __init__(self, name: str, table: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        allowed = f"It takes: {', '.join(names)}" if names else "It takes none"
        super().__init__(f"{table} has no parameter {name!r}{hint} {allowed}")
        self.name = name


class BadParameter(ExportError):
    def __init__(self, name: str, value: str, allowed: Iterable[str]) -> None:
        super().__init__(f"{name}: {value!r} is not known; allowed: {', '.join(allowed)}")
        self.name = name


class CannotWrite(ExportError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be written: {why}")
        self.path = path
