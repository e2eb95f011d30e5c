"""How well the audit is kept from those who could change it: what the login in use may do to it."""

from dataclasses import dataclass

from sqlalchemy import Engine, text

from infra.database import answering

_ASKED = text("""
    SELECT session_user AS login,
           bool_or(pg_has_role(session_user, relowner, 'MEMBER')) AS owns,
           bool_or(has_table_privilege(session_user, pg_class.oid, 'UPDATE, DELETE, TRUNCATE')) AS changes,
           (SELECT count(*) FROM pg_trigger
            WHERE tgrelid IN ('onward.audit_entry'::regclass, 'onward.audit_link'::regclass)
              AND tgname IN ('audit_entry_linked', 'audit_entry_stays', 'audit_link_stays')
              AND tgenabled IN ('O', 'A')) = 3 AS is_guarded
    FROM pg_class WHERE pg_class.oid IN ('onward.audit_entry'::regclass, 'onward.audit_link'::regclass)
""")


@dataclass(frozen=True, slots=True)
class Protection:
    login: str  #: that was asked about
    owns: bool  #: it owns the audit's tables, or is a superuser: it can take every guard away
    changes: bool  #: it has the right to change or remove what is recorded
    is_guarded: bool  #: the triggers that chain entries and refuse changes are there and on

    @property
    def holds(self) -> bool:
        """Whether this login can only add."""
        return self.is_guarded and not self.owns and not self.changes


def protection(engine: Engine) -> Protection:
    """What the login of `engine` could do to the audit. Raises DatabaseUnavailable."""
    with answering(engine), engine.connect() as connection:
        return Protection(**connection.execute(_ASKED).mappings().one())
