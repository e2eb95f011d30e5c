"""`python -m infra audit verify`: whether the audit still holds all that was ever recorded."""

import argparse
import json

from infra.audit.chain import Head
from infra.audit.verifying import Verification, verify
from infra.commands import wiring
from infra.commands.wiring import Commands
from infra.errors import AuditBroken
from infra.settings import Settings


def add(commands: Commands) -> None:
    parser = commands.add_parser("audit", help="check the chain of audit entries")
    verbs = parser.add_subparsers(required=True, metavar="verify")
    check = verbs.add_parser("verify", help="name the first entry that was changed, removed, moved or put in")
    check.add_argument(
        "--head",
        type=_head,
        metavar="N:DIGEST",
        help="a head that this command printed earlier: what it covers must still be there",
    )
    check.add_argument("--json", action="store_true")
    check.set_defaults(command=_verify)


def _verify(options: argparse.Namespace, settings: Settings) -> None:
    with wiring.database(settings) as engine:
        found = verify(engine, options.head)
    print(json.dumps(_as_json(found), indent=2) if options.json else _as_text(found))
    if found.fault:
        raise AuditBroken(found.fault.text)


def _as_text(found: Verification) -> str:
    held = found.head.number if found.head else 0
    said = f"{held:,} entries hold, from the first." if found.fault else f"All {held:,} entries hold."
    return f"{said}\nKeep this head elsewhere: {found.head}" if found.head and not found.fault else said


def _as_json(found: Verification) -> dict[str, object]:
    fault = found.fault
    return {
        "holds": fault is None,
        "entries": found.head.number if found.head else 0,
        "head": str(found.head) if found.head else None,
        "fault": fault
        and {"kind": fault.kind, "number": fault.number, "entry_id": fault.entry_id, "text": fault.text},
    }


def _head(written: str) -> Head:
    try:
        return Head.parse(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
