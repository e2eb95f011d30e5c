from datetime import UTC, date, datetime, timedelta

import pytest

from dlq.letters import Status
from dlq.operations.records import Selection
from dlq.queries import LetterFilter
from pages import _operation_words, _words
from pages._row_label import row_label


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0.0123, "12ms"),
        (1.04, "1.0s"),
        (0.9996, "1.0s"),
        (59.94, "59.9s"),
        (59.96, "1m"),
        (61, "1m 01s"),
        (3600, "1h"),
        (14832.5, "4h 07m"),
        (14 * 86400, "14d"),
        (14 * 86400 + 36000, "14d 10h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds, said):
    assert _words.duration(seconds) == said


def test_a_year_is_said_once_where_once_is_enough():
    assert _words.days(date(2026, 10, 26), date(2026, 11, 22)) == "26 Oct – 22 Nov 2026"
    assert _words.days(date(2025, 12, 26), date(2026, 1, 22)) == "26 Dec 2025 – 22 Jan 2026"


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "just now"), (0.5, "just now"), (59, "59 s ago"), (3700, "1 h ago")]
)
def test_how_long_ago_is_said_in_one_unit(seconds, said):
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert _words.ago(now - timedelta(seconds=seconds), now) == said


def test_what_is_not_known_is_a_dash():
    assert (_words.count(None), _words.percent(None), _words.duration(None)) == ("–", "–", "–")


def test_a_change_is_said_with_its_sign_and_none_is_not_said():
    assert (_words.change(0.144), _words.points(-0.018), _words.longer(-205200)) == (
        "14.4%",
        "-1.8 pp",
        "-2d 09h",
    )
    assert (_words.change(0.0001), _words.points(-0.0004), _words.longer(0.0)) == (None, None, None)
    assert (_words.change(None), _words.points(None), _words.longer(None)) == (None, None, None)


def test_what_an_operation_took_names_each_filter_once():
    narrowed = LetterFilter(fingerprint="3f6c", status=(Status.DEAD, Status.POISONED))
    said = _operation_words.selection(Selection(narrowed))
    assert "status dead or poisoned" in said
    assert "group 3f6c" in said


def test_a_name_in_a_button_is_no_markdown():
    assert row_label("Open", "a_b [c]@vm") == r"Open :gray[a\_b \[c\]\@vm]"
