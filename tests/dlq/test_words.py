"""Which words a letter is found by, and what a search asks for."""

import pytest

from dlq import words
from dlq.letters import Kind
from tests.dlq.builders import body_of, envelope, failure


def found(message=None, how=None, named=(), **options):
    return words.words_of(message or envelope(), how or failure(), named, **options)


def test_a_letter_has_the_words_of_its_task_exception_message_arguments_and_frames():
    message = envelope(task_name="shop.pay_now", queue="slow", body=body_of("Ana Lund", order=4711))
    how = failure(Kind.HARD_TIMEOUT, exception_type="app.PaymentDeclined", message="no funds at bank")
    have = found(message, how, ["timeout"])
    assert {"shop", "pay", "now", "slow", "hard", "timeout"} <= set(have)
    assert {"paymentdeclined", "payment", "declined", "funds", "ana", "lund", "order", "4711", "py"} <= set(
        have
    )
    assert len(have) == len(set(have))


def test_an_id_is_one_word():
    message = envelope("0b1c-77", session_id="S-9", client_id="acme/7", correlation_id="c.1")
    assert found(message)[:4] == ["0b1c-77", "s-9", "acme/7", "c.1"]


def test_no_word_is_a_secret():
    message = envelope(body=body_of("mail ana@lund.example", password="hunter2", card=4111111111111111))
    how = failure(message="token=abcdef99 refused")
    assert not {"ana", "lund", "hunter2", "4111111111111111", "abcdef99"} & set(found(message, how))
    assert {"mail", "refused", "password"} <= set(found(message, how))


def test_sealed_arguments_are_no_words():
    message = envelope(body=body_of("visible"))
    assert "visible" in found(message)
    assert "visible" not in found(message, arguments=False)


def test_a_letter_has_a_bounded_number_of_words_and_ids_are_among_them():
    many = " ".join(f"w{number}" for number in range(20_000))
    have = found(envelope("the-id"), failure(message=many))
    assert len(have) == words.MAX_WORDS
    assert have[0] == "the-id"


def test_a_long_word_and_a_deep_argument_are_cut():
    nested = []
    for _ in range(50):
        nested = [nested, "deep"]
    have = found(envelope(body=body_of("x" * 500, nested)))
    assert max(map(len, have)) == words.WORD_CHARACTERS


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Timeout", "'timeout':*"),
        ("payment  declined", "'payment' & 'declined':*"),
        ("PaymentDeclined", "'paymentdeclined':*"),
        ("shop.pay", "('shop.pay':* | 'shop' & 'pay')"),
        ("a-b now", "('a-b' | 'a' & 'b') & 'now':*"),
        ("it's", "('it''s':* | 'it' & 's')"),
        ("x\\y", "('x\\\\y':* | 'x' & 'y')"),
        ("\x00ab", "'ab':*"),
        ("", None),
        (" -- % ' ", None),
    ],
)
def test_a_search_asks_for_all_words_and_for_the_last_as_a_beginning(text, query):
    asked = words.search(text)
    assert (asked and asked.query) == query


def test_a_search_asks_for_a_bounded_number_of_words():
    asked = words.search("a-" * 5_000 + " b" * 5_000)
    assert asked.query.count("&") < 2 * words.MAX_SEARCHED


@pytest.mark.parametrize(
    ("text", "indexed"),
    [("pay", "'pay':*"), ("declined pay", "'declined'"), ("declined paym", "'declined' & 'paym':*")],
)
def test_the_index_is_not_asked_for_a_short_beginning_beside_other_words(text, indexed):
    assert words.search(text).indexed == indexed


def test_names_in_a_filter_are_asked_for_as_the_words_that_letters_have_of_them():
    have = found(envelope(task_name="Shop.pay_now", queue="slow-1"))
    assert words.having(["Shop.pay_now", "", "slow-1"]) == ["'shop.pay_now'", "'slow-1'"]
    assert {"shop.pay_now", "slow-1"} <= set(have)
