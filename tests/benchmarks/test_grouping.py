"""The judgement of fingerprints, and what ours reach on failures of known causes."""

import json

import pytest

from benchmarks.grouping import RULES, judged, ours, report
from benchmarks.tracebacks import Traceback, invented, tracebacks_of


def failed(cause, kind="ValueError", message=""):
    return Traceback(cause, kind, message, "")


def test_precision_and_recall_are_over_pairs():
    failures = [failed("a", "X"), failed("a", "X"), failed("a", "Y"), failed("b", "X")]
    found = judged(failures, RULES["type"])
    assert (found.groups, found.precision, found.recall) == (2, pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_where_there_is_no_pair_nothing_is_wrong():
    found = judged([failed("a")], ours)
    assert (found.precision, found.recall) == (1, 1)


def test_there_are_many_failures_of_many_causes():
    failures = invented()
    assert len(failures) >= 150
    assert len({failed.cause for failed in failures}) >= 40
    assert not [failed for failed in failures if "{root}" in failed.traceback]


def test_ours_hold_causes_together_and_apart():
    found = judged(invented(), ours)
    assert found.precision >= 0.97
    assert found.recall >= 0.9


def test_no_simpler_rule_is_as_good():
    failures = invented()
    best = judged(failures, ours)
    for name in ("type", "type, message", "type, message, last frame"):
        simpler = judged(failures, RULES[name])
        assert min(simpler.precision, simpler.recall) < min(best.precision, best.recall)


def test_failures_are_read_from_a_file(tmp_path):
    row = {"cause": "a", "exception_type": "KeyError", "message": "'x'", "traceback": ""}
    file = tmp_path / "failures.jsonl"
    file.write_text(json.dumps(row) + "\n" + json.dumps(row | {"cause": "b"}) + "\n", encoding="utf-8")
    failures = list(tracebacks_of(file))
    assert [failed.cause for failed in failures] == ["a", "b"]
    assert "2 failures, 2 causes" in report(file.name, failures)
