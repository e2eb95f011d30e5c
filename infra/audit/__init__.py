"""The record of every change a person makes: who, what, before, after, when, from where.

It is only ever added to. The login that everything runs as has no right to change it, triggers refuse whoever
has, and each entry is chained to the one before, so that what was changed past both is found (`verify`).
"""

from infra.audit.protection import Protection, protection
from infra.audit.recording import asked_from, note_source, record
from infra.audit.tables import audit_entry
from infra.audit.verifying import verify

__all__ = ["Protection", "asked_from", "audit_entry", "note_source", "protection", "record", "verify"]
