"""Who may sign in, and the tokens that programs have; no hash of anything."""

from collections.abc import Sequence
from typing import Any

from infra.access import accounts, tokens
from infra.access.accounts import Account
from infra.access.roles import Permission, Person
from recovery.exports.columns import MOMENT, TEXT, TRUTH, WHOLE, Columns
from recovery.exports.table import Pairs, Rows, Sources, Table


def _clients(record: Any) -> str:
    """Empty: no restriction."""
    return "" if record.clients is None else ", ".join(record.clients) or "none"


_PEOPLE = Columns(
    {
        **dict.fromkeys(("login", "role"), TEXT),
        "clients": (TEXT, _clients),
        "has_password": TRUTH,
        "created_at": MOMENT,
        "created_by": TEXT,
        **dict.fromkeys(("disabled_at", "seen_at"), MOMENT),
    }
)
_TOKENS = Columns(
    {
        "number": WHOLE,
        **dict.fromkeys(("name", "login", "role"), TEXT),
        "clients": (TEXT, _clients),
        "created_at": MOMENT,
        "created_by": TEXT,
        **dict.fromkeys(("expires_at", "last_used_at", "revoked_at"), MOMENT),
    }
)


def _people(sources: Sources, by: Person, _pairs: Pairs) -> Rows:
    def page(after: str | None) -> tuple[Sequence[Account], str | None]:
        found = accounts.accounts(sources.engine, by, after or "", accounts.MAX_PAGE)
        return found, found[-1].login if len(found) == accounts.MAX_PAGE else None

    return _PEOPLE.paged(page)


def _tokens(sources: Sources, by: Person, _pairs: Pairs) -> Rows:
    return _TOKENS.whole(tokens.tokens(sources.engine, by))


TABLES = (
    Table("people", "People", "/admin/people/", Permission.MANAGE_PEOPLE, _people),
    Table("tokens", "Tokens", "/admin/tokens/", Permission.MANAGE_PEOPLE, _tokens),
)
