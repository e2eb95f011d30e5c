"""`python -m recovery export NAME [--format csv|parquet] [--to FILE] [key=value ...]`: a table as a file.

The parameters are those of the list in REST. Acts as the operating-system user, who may do everything that
the database allows. Exit codes: 0 done, 2 not done (stderr says why, in one sentence), 130 after Ctrl-C.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import OperationalError

from analytics.errors import AnalyticsError
from dlq.errors import DlqError
from infra.access.roles import Person, Role
from infra.errors import InfraError
from infra.servers import connected
from infra.settings import Settings
from recovery.dashboard import opened
from recovery.exports.errors import BadParameter, CannotWrite, ExportError
from recovery.exports.formats import CSV, FORMATS
from recovery.exports.registry import TABLES, table_named
from recovery.exports.table import Sources


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_intermixed_args(arguments)
    try:
        _export(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AnalyticsError, DlqError, ExportError, InfraError, OSError) as error:
        return _refused(str(error))
    except OperationalError as error:
        return _refused(f"PostgreSQL stopped answering: {str(error.orig).strip().splitlines()[0]}")
    except KeyboardInterrupt:
        return 130
    return 0


def _export(options: argparse.Namespace) -> None:
    table, pairs = table_named(options.name), [_pair(written) for written in options.parameters]
    table.check_names(pairs)
    with _sources() as sources:
        person = Person(getpass.getuser(), Role.ADMIN)
        blocks = FORMATS[options.format].encode(table.rows(sources, person, pairs))
        if options.to is None:
            sys.stdout.buffer.writelines(blocks)
        else:
            _write(blocks, options.to)


@contextmanager
def _sources() -> Iterator[Sources]:
    settings = Settings.from_env()
    with connected(settings) as servers:
        handles = opened(settings, servers.database_url, servers.redis_url)
        try:
            yield handles.sources(lambda: datetime.now(UTC))
        finally:
            handles.close()


def _write(blocks: Iterable[bytes], path: Path) -> None:
    """Under the name only when it is whole."""
    aside = path.with_name(f"{path.name}.part")
    try:
        file = aside.open("wb")
    except OSError as error:
        raise CannotWrite(path, error.strerror or str(error)) from error
    try:
        with file:
            file.writelines(blocks)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _pair(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not equals:
        raise BadParameter("parameter", written, ["key=value"])
    return name, value


def _refused(why: str) -> int:
    print(f"recovery: {why}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, TABLES))
    tables = "\n".join(f"  {name:{width}}  {table.title}" for name, table in TABLES.items())
    parser = argparse.ArgumentParser(
        prog="python -m recovery",
        description="Write a table to a file, or to the standard output.",
        epilog=f"tables:\n{tables}\n\nParameters are those of the list in REST, as status=dead.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["export"])
    parser.add_argument("name", help="of the table")
    parser.add_argument("parameters", nargs="*", metavar="key=value", help="may be repeated")
    parser.add_argument("--format", choices=FORMATS, default=CSV.name)
    parser.add_argument("--to", type=Path, metavar="FILE", help="overwritten once the file is whole")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
