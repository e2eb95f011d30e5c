"""Secrets known by shape or check digits, and what looks alike and stays. Every value is made up here."""

import base64

import pytest

from dlq.redaction import MASK, Redactor
from dlq.redaction.secret_names import is_secret_name

REDACTOR = Redactor()
# Put together here: whole, they would stop whoever scans this repository for leaked keys.
LETTERS, HEX = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0" * 3, "0123456789abcdef" * 4
LOGIN = base64.b64encode(b"ana:open sesame 7").decode()


@pytest.mark.parametrize(
    "secret",
    [
        *(
            "ghp_" + LETTERS[:36],
            "gho_" + LETTERS[:36],
            "github_pat_" + LETTERS[:60],
            "glpat-" + LETTERS[:20],
        ),
        *("xoxb-" + "1" * 12 + "-" + LETTERS[:24], "xapp-1-A0" + LETTERS[:30], "xoxe.xoxp-1-" + LETTERS[:40]),
        *("AKIA" + "Z7Q" * 5 + "X", "ASIA" + "Z7Q" * 5 + "X", "AIza" + LETTERS[:35], "ya29." + LETTERS[:50]),
        *(
            "sk_live_" + LETTERS[:24],
            "rk_test_" + LETTERS[:24],
            "whsec_" + LETTERS[:32],
            "GOCSPX-" + LETTERS[:28],
        ),
        *(
            "sk-ant-api03-" + LETTERS[:60],
            "hf_" + LETTERS[:34],
            "npm_" + LETTERS[:36],
            "pypi-" + LETTERS[:60],
        ),
        *("SG." + LETTERS[:22] + "." + LETTERS[:43], "key-" + HEX[:32], HEX[:32] + "-us12", "SK" + HEX[:32]),
        *("shpat_" + HEX[:32], "sq0atp-" + LETTERS[:22], "dop_v1_" + HEX, "hvs." + LETTERS[:40]),
        *("123456789:AA" + LETTERS[:33], "AGE-SECRET-KEY-1" + "QZ7" * 19, "dckr_pat_" + LETTERS[:27]),
        "eyJ" + LETTERS[:20] + ".eyJ" + LETTERS[:30] + "." + LETTERS[:40],
    ],
    ids=lambda secret: secret[:9],
)
@pytest.mark.parametrize(
    "around", ["{}", "the key {} is revoked", '{{"note": "{}"}}', "('{}', 3)", "see:{}\n"]
)
def test_keys_of_providers_are_masked_wherever_they_stand(secret, around):
    assert REDACTOR.text(around.format(secret)) == around.format(MASK)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"sent Basic {LOGIN}", f"sent Basic {MASK}"),
        (f"Bearer {LETTERS[:20]} expired", f"Bearer {MASK} expired"),
        (
            "posted to https://hooks.slack.com/services/T0AAAAAA1/B0BBBBBB2/" + LETTERS[:24],
            f"posted to https://hooks.slack.com/services/{MASK}",
        ),
        (
            f"https://acct.blob.core.windows.net/c?sv=2024&sig={LETTERS[:20]}%3D&se=2026",
            f"https://acct.blob.core.windows.net/c?sv=2024&sig={MASK}&se=2026",
        ),
        (f"AccountName=shop;AccountKey={LETTERS[:40]}==;", f"AccountName=shop;AccountKey={MASK};"),
        ("amqp://guest:made+up%21@mq:5672//", f"amqp://guest:{MASK}@mq:5672//"),
        ("paid to DE89 3704 0044 0532 0130 00 today", f"paid to {MASK} today"),
        ("paid to GB82WEST12345698765432 TODAY", f"paid to {MASK} TODAY"),
        ("FR14-2004-1010-0505-0001-3M02-606", MASK),
        ("visa 4242424242424242", f"visa {MASK}"),
        (
            "key: -----BEGIN OPENSSH PRIVATE KEY-----\\nbWFkZSB1cA==\\n-----END OPENSSH PRIVATE KEY-----\\n",
            f"key: {MASK}\\n",
        ),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nbWFkZQ", MASK),
    ],
)
def test_what_surrounds_a_known_shape_stays(text, shown):
    assert REDACTOR.text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "order 20260301-000417 of customer 88001234567890",
        "invoice DE89370400440532013001",  # its check digits are wrong
        "GB82 WEST 1234",
        "sku ABCD-1234-EFGH-5678, batch PL10X",
        "commit 2acd4b20f3c1e5d67788990aabbccddeeff00112",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "md5 d41d8cd98f00b204e9800998ecf8427e",
        "task 7f1b6a52-0d3e-4c58-9a55-2f4c1c7d9e10 raised",
        "at 2026-03-01T12:00:00.000Z, 1772366400123 ms",
        "used 4096 tokens; total_tokens=5120, token_count=7, token_type=bearer_v2",
        "author=ana, pinned=true, spin=3, bypass=no, compass: north, secretary: bo",
        "primary_key=7, cache_key=a:b, idempotency_key=17, sort_key: name, public_key=shown",
        "basic settings were kept, Basic authentication is off, Bearer authentication failed",
        "https://example.com/a/b?page=2&signal=9",
        "pk_orders_customer_index, sk-learn, SK-1, key-value store",
        "+49 30 1234567, 192.168.0.17:5432, v1.2.3-rc.4",
        "password authentication failed for user ana",
        "exited with signal 9 (SIGKILL), exitcode 155",
    ],
)
def test_what_only_looks_alike_stays(text):
    assert REDACTOR.text(text) == text


@pytest.mark.parametrize(
    "name",
    [
        *(
            "dbpassword",
            "DB_PASS",
            "mysql_pwd",
            "oauth",
            "http_auth",
            "csrftoken",
            "stripeToken",
            "encryptionKey",
        ),
        *("accountKey", "aws_secret_access_key", "ssh_key", "signing-key", "X-Amz-Signature", "card_no"),
        *("otp", "totp", "user_pin", "passcode", "iban", "MASTER_KEY", "client_secret_v2"),
    ],
)
def test_names_of_secrets_are_known_in_every_spelling(name):
    assert is_secret_name(name)
    assert REDACTOR.text(f"{name}=made-up-7") == f"{name}={MASK}"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "pinned",
            "spin",
            "hairpin",
            "bypass",
            "compass",
            "authored_by",
            "secretary",
            "tokenizer",
            "opinions",
        ),
        *("token_count", "token_type", "tokenLimit", "password_length", "password_policy", "primary_key"),
        *("cache_key", "keyboard", "public_key", "signal", "passenger_id", "shopping", "cookie_domain"),
    ],
)
def test_names_about_something_else_are_left_alone(name):
    assert not is_secret_name(name)
    assert REDACTOR.text(f"{name}=shown-7") == f"{name}=shown-7"


@pytest.mark.parametrize(
    "repeated",
    [
        *("DE89", "DE89 ", "AB12-", "Basic a", "Bearer A", "SG.", "xapp-1-", "?sig=", "12345678:AA", "key-0"),
        *(
            "hooks.slack.com/services/",
            "0123456789abcdef",
            "gl-",
            "AGE-SECRET-KEY-1",
            "--",
            "A",
            "a_",
            "pwd=",
        ),
    ],
)
def test_the_work_grows_no_faster_than_the_text(repeated):
    """No clock is needed: what reads a run again from each of its characters takes hours for this much."""
    text = (repeated * (300_000 // len(repeated) + 1))[:300_000]
    assert len(REDACTOR.text(text)) <= 4 * len(text)
