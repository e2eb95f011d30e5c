"""A mask that stays where it was keeps its secret; any other mask is asked about."""

import pytest

from dlq.errors import StillMasked
from dlq.redaction import MASK, Redactor
from dlq.redaction.unmasking import unmasked

REDACTOR = Redactor()
URL = "postgresql://app:hunter2@db/shop"


def edited(original, change):
    """What is kept when a person changes the shown form of `original`."""
    return unmasked(change(REDACTOR.value(original)), original, REDACTOR, "kwargs")


@pytest.mark.parametrize(
    "original",
    [
        {"token": "hunter2", "plan": 3},
        {"token": {"deep": ["hunter2"]}},
        {"deep": [{"more": {"token": ["a", "b"]}}]},
        {"url": URL},
        [URL, 4111111111111111, "plain"],
        {URL: 1},
        {"said": MASK},
        [True, 1, 1.0, None, "", [], {}],
    ],
)
def test_what_was_not_touched_stays_to_the_letter(original):
    kept = edited(original, lambda shown: shown)
    assert repr(kept) == repr(original)


def test_what_stands_beside_a_mask_can_be_changed():
    kept = edited(
        {"token": "hunter2", "plan": 3, "old": 1}, lambda shown: {"token": MASK, "plan": 4, "new": 2}
    )
    assert kept == {"token": "hunter2", "plan": 4, "new": 2}


def test_a_secret_can_be_replaced():
    assert edited({"token": "hunter2"}, lambda shown: {"token": "hunter3"}) == {"token": "hunter3"}


def test_a_longer_list_keeps_its_secrets():
    assert edited([URL, 5], lambda shown: [*shown, 6]) == [URL, 5, 6]


@pytest.mark.parametrize(
    ("original", "given", "path"),
    [
        ({"plan": 3}, {"plan": MASK}, "kwargs.plan"),
        ({"token": "a"}, {"token": "a", "other": MASK}, "kwargs.other"),
        ({"token": "a"}, {"other": MASK}, "kwargs.other"),
        ({"url": URL}, {"url": f"postgresql://app:{MASK}@other/shop"}, "kwargs.url"),
        ({"token": "a"}, {"token": [MASK]}, r"kwargs.token\[0\]"),
        ({"a": 1}, {MASK: 1}, r"kwargs.\[redacted\]"),
        ([URL, 5], [5, REDACTOR.text(URL)], r"kwargs\[1\]"),
        ([URL, URL], [REDACTOR.text(URL)], r"kwargs\[0\]"),
        ([URL], ["new", REDACTOR.text(URL)], r"kwargs\[1\]"),
    ],
)
def test_a_mask_that_hides_nothing_there_is_refused_by_its_place(original, given, path):
    with pytest.raises(StillMasked, match=f": {path} holds") as refused:
        unmasked(given, original, REDACTOR, "kwargs")
    assert "hunter2" not in str(refused.value)


def test_names_that_look_alike_when_masked_are_not_guessed():
    other = URL.replace("hunter2", "hunter3")
    with pytest.raises(StillMasked):
        edited({URL: 1, other: 2}, lambda shown: shown)
