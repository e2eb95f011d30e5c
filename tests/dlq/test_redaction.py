"""Secrets are masked wherever they stand; what is none stays readable."""

import json

import pytest
from hypothesis import given, settings

from dlq.redaction import MASK, Redactor
from dlq.redaction.secret_names import is_secret_name
from tests.dlq.planted import planted

REDACTOR = Redactor()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    "name",
    [
        *("password", "PASSWORD", "db_password", "api_key", "apiKey", "X-Api-Key", "clientSecret", "token"),
        *("authorization", "access_token", "refreshToken", "Set-Cookie", "card_number", "cvv"),
        *("tokens", "passwords", "apiKeys", "secrets", "credentials", "refresh_tokens"),
    ],
)
def test_values_under_names_of_secrets_are_masked_whole(name):
    assert REDACTOR.value({name: {"deep": ["open sesame"]}}) == {name: MASK}


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "max_tokens",
        "totalTokens",
        "tokens_used",
        "passenger",
        "keyboard",
        "opinion",
        "monkey",
        "session_id",
    ],
)
def test_names_that_only_look_alike_stay(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"got {JWT} instead", JWT),
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ("postgresql://app:hunter2@db/shop refused", "hunter2"),
        ("redis://:hunter2@cache/0 refused", "hunter2"),
        ("login(password='hunter 2', user='ana')", "hunter 2"),
        ('{"api_key": "hunter2"}', "hunter2"),
        ("https://x/y?access_token=hunter2&page=3", "hunter2"),
        ("OPENAI_API_KEY=sk-proj-abcdefghijklmnop1234", "sk-proj-abcdefghijklmnop1234"),
        ("key sk-abcdefghijklmnopqrst is invalid", "sk-abcdefghijklmnopqrst"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123", "ghp_abcdefghijklmnopqrstuvwxyz0123"),
        ("AKIAIOSFODNN7EXAMPLE denied", "AKIAIOSFODNN7EXAMPLE"),
        ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----", "MIIB"),
        ("card 4111 1111 1111 1111 declined", "4111 1111 1111 1111"),
        ("card 5500-0000-0000-0004 declined", "5500-0000-0000-0004"),
        ("amex 378282246310005", "378282246310005"),
        ("passwords=hunter2", "hunter2"),
        ("apiKeys: ['hunter2', 'hunter3']", "hunter3"),
        ('Authorization: Digest username="ana", response="hunter2"', "hunter2"),
        ('sent Digest username="ana", response="hunter2"', "hunter2"),
        ("Cookie: theme=dark; session=hunter2", "hunter2"),
        ("postgresql://u:p@hunter2@h refused", "hunter2"),
        ("postgresql://u:hunter2/p@h/db refused", "hunter2"),
        (r"body was {\"password\": \"hunter2\"}", "hunter2"),
        (r"{\"password\": \"a\\\" hunter2\"}", "hunter2"),
        (r'"{\\\"password\\\": \\\"a hunter2\\\"}"', "hunter2"),
        (r'{"password": "a\" hunter2"}', "hunter2"),
        ('{"password": {"a": "}", "b": "hunter2"}}', "hunter2"),
        ('{"tokens": ["a", ["b"], "hunter2"]}', "hunter2"),
        ("password=b'a hunter2'", "hunter2"),
        ("password='a hunter2", "hunter2"),
        ('config["password"] = "hunter2"', "hunter2"),
        ('token == "hunter2"', "hunter2"),
    ],
)
def test_secrets_inside_text_are_masked(text, secret):
    redacted = REDACTOR.text(text)
    assert MASK in redacted
    assert secret not in redacted


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'plan'",
        "order 4111111111111112 not found",  # fails the Luhn check
        "at 1772366400000 ms",
        "https://example.com:8080/path",
        "session 6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "ana@example.com",
        "https://example.com:8080/users/@ana",
        "max_tokens=4096 of total_tokens: 9000",
        'violates "pk_orders_customer_index"',
        'File "/app/shop.py", line 3, in pay',
    ],
)
def test_what_is_no_secret_stays(text):
    assert REDACTOR.text(text) == text


def test_what_surrounds_a_secret_stays():
    assert REDACTOR.text("postgresql://app:hunter2@db/shop") == f"postgresql://app:{MASK}@db/shop"
    assert REDACTOR.text("login(password='x y', user='ana')") == f"login(password={MASK}, user='ana')"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@ss@h/db?mail=a@b", f"postgresql://u:{MASK}@h/db?mail=a@b"),
        ("redis://:a@h1;redis://:b@h2", f"redis://:{MASK}@h1;redis://:{MASK}@h2"),
        ('{"password": {"a": "b"}, "plan": 3}', f'{{"password": {MASK}, "plan": 3}}'),
        (r"{\"password\": \"x\", \"plan\": 3}", rf"{{\"password\": {MASK}, \"plan\": 3}}"),
        ("Authorization: Digest a=b, c=d\nplan=3", f"Authorization: {MASK}\nplan=3"),
        ('{"Authorization": "Digest a=b", "plan": 3}', f'{{"Authorization": {MASK}, "plan": 3}}'),
        # A quote after a backslash may stand inside the secret: the mask reaches on to one that does not.
        (r'{"password": "x\\", "plan": 3}', f'{{"password": {MASK}plan": 3}}'),
    ],
)
def test_a_secret_ends_where_its_value_ends(text, shown):
    assert REDACTOR.text(text) == shown


def test_masking_twice_changes_nothing():
    once = REDACTOR.text("Authorization: Bearer abcdef123, password=x; postgresql://a:b@c/d")
    assert REDACTOR.text(once) == once


def test_card_numbers_sent_as_numbers_are_masked():
    assert REDACTOR.value([4111111111111111, 7, True, None]) == [MASK, 7, True, None]


def test_email_is_masked_when_asked():
    assert Redactor(email=True).text("to ana@example.com now") == f"to {MASK} now"


def test_endless_nesting_is_cut_off():
    deep = inner = []
    for _ in range(100):
        inner.append([])
        inner = inner[0]
    assert MASK in str(REDACTOR.value(deep))


@pytest.mark.parametrize(
    "repeated",
    [
        *("a", "1 ", "password", "eyJ", "eyJa-", "a-", "a.a", "sk-", "sk-a-a", "Bearer ", "a@", "a.b@c-"),
        *("://a:", "a://b:c", "password={'", "password=[", 'password="', "\\", '\\"', "x=\\", "-----BEGIN A"),
        *("token:", "token=", "Digest a=", "http://", "-----BEGIN PRIVATE KEY-----END A ", "password = "),
    ],
)
def test_the_work_grows_no_faster_than_the_text(repeated):
    """No clock is needed: what reads a run again from each of its characters takes hours for a megabyte."""
    text = (repeated * (1_000_000 // len(repeated) + 1))[:1_000_000]
    assert len(Redactor(email=True).text(text)) <= 3 * len(text)


@settings(max_examples=300, deadline=None)
@given(planted())
def test_a_secret_is_masked_in_whatever_it_is_wrapped(secret):
    value, mark = secret
    for shown in (REDACTOR.value(value), REDACTOR.text(json.dumps(value)), REDACTOR.text(repr(value))):
        assert mark not in repr(shown)
