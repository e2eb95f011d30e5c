"""Links to a table as CSV and as Parquet: streamed, so of any size, and with the filters of the page."""

from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import urlencode

from analytics.funnels import FunnelDefinition
from analytics.question import Question
from analytics.session_query import SessionQuery
from analytics.sessions import Selection
from recovery.exports.formats import FORMATS, Format
from recovery.exports.registry import TABLES

Pairs = Iterable[tuple[str, str]]


def of_table(table: str, pairs: Pairs = (), *, of: str = "") -> str:
    """HTML of both links; `of` says of what, where their place does not."""
    asked, said = list(pairs), f" {escape(of)}" if of else ""
    found = " · ".join(
        f'<a href="{escape(_address(table, form, asked))}" download>{form.label}{said}</a>'
        for form in FORMATS.values()
    )
    return f'<div class="sub downloads">{found}</div>'


def of_view(
    table: str, definition: FunnelDefinition, question: Question, *, of: str = "", **options: Any
) -> str:
    """The same for the numbers of a view, asked as the page has asked for it."""
    query = SessionQuery.of(definition, question, Selection())
    given = [(name, str(value)) for name, value in options.items() if value is not None]
    return of_table(table, [*query.to_pairs(), *given], of=of)


def _address(table: str, form: Format, pairs: list[tuple[str, str]]) -> str:
    query = f"?{urlencode(pairs)}" if pairs else ""
    return f"/api/v1{TABLES[table].path}export.{form.name}{query}"
