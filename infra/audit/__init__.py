"""The record of every change a person makes: who, what, before, after, when, from where.

It is only ever added to. The login that everything runs as has no right to change it, triggers refuse whoever
has, and each entry is chained to the one before, so that what was changed past both is found (`verify`).
"""

from infra.audit.recording import asked_from, record
from infra.audit.tables import audit_entry

__all__ = ["asked_from", "audit_entry", "record"]
