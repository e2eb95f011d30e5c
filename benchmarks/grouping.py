"""How well fingerprints put failures of one cause together, beside simpler rules on the same failures.

    python -m benchmarks.grouping [FILE.jsonl ...]

Pairwise: of the pairs that a rule puts together, how many share their cause (precision); of the pairs that
share their cause, how many it puts together (recall). Without files it runs on the invented failures of
`tracebacks.txt`; a file has a JSON object on each line with cause, exception_type, message and traceback.
"""

import argparse
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tracebacks import Traceback, invented, tracebacks_of
from dlq.groups.fingerprint import fingerprint

Rule = Callable[[Traceback], Hashable]

_LAST_FRAME = re.compile(r'File "([^"\n]+)", line \d+, in (\S+)')


def ours(failed: Traceback) -> Hashable:
    return fingerprint(failed.exception_type, failed.message, failed.traceback, failed.task_name)


def by_type(failed: Traceback) -> Hashable:
    return failed.exception_type


def by_message(failed: Traceback) -> Hashable:
    return failed.exception_type, failed.message


def by_last_frame(failed: Traceback) -> Hashable:
    return failed.exception_type, failed.message, (_LAST_FRAME.findall(failed.traceback) or [None])[-1]


RULES: Mapping[str, Rule] = {
    "ours": ours,
    "type": by_type,
    "type, message": by_message,
    "type, message, last frame": by_last_frame,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    groups: int
    precision: float
    recall: float


def judged(failures: Sequence[Traceback], rule: Rule) -> Judgement:
    """Pairwise precision and recall; 1 where there is no pair to be wrong about."""
    keys = [rule(failed) for failed in failures]
    causes = [failed.cause for failed in failures]
    right = _pairs(zip(keys, causes, strict=True))
    together, same = _pairs(keys), _pairs(causes)
    return Judgement(len(set(keys)), right / together if together else 1.0, right / same if same else 1.0)


def _pairs(keys: Iterable[Hashable]) -> int:
    return sum(number * (number - 1) // 2 for number in Counter(keys).values())


def report(title: str, failures: Sequence[Traceback]) -> str:
    causes = len({failed.cause for failed in failures})
    lines = [f"{title}: {len(failures)} failures, {causes} causes"]
    for name, rule in RULES.items():
        found = judged(failures, rule)
        lines.append(
            f"  {name:26} precision {found.precision:.3f}  recall {found.recall:.3f}  {found.groups} groups"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Precision and recall of fingerprints, pair by pair.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.jsonl")
    files = parser.parse_args().files
    if not files:
        print(report("invented failures", invented()))
    for file in files:
        print(report(file.name, list(tracebacks_of(file))))


if __name__ == "__main__":
    main()
