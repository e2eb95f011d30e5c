"""`python -m infra doctor`: what is wrong with this installation, and how to mend it."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from infra.commands import wiring
from infra.commands.wiring import Commands
from infra.doctor.examination import Further, examine
from infra.doctor.findings import Finding, Level, counted
from infra.settings import Settings


def add(commands: Commands, further: Sequence[Further]) -> None:
    """`further` is what the parts above this package look at."""

    def command(options: argparse.Namespace, settings: Settings) -> None:
        findings = examine(settings, further, now=wiring.now)
        print(json.dumps([asdict(finding) for finding in findings]) if options.json else _told(findings))
        if any(finding.level is Level.ERROR for finding in findings):
            sys.exit(1)

    parser = commands.add_parser("doctor", help="look for what is wrong, and say how to mend it; 1 on errors")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(command=command)


def _told(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<8} {finding.check:<11} {finding.said}")
        if finding.mend:
            lines.append(f"{'':20} -> {finding.mend}")
    return "\n".join([*lines, "", counted(findings)])
