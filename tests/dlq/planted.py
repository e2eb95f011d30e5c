"""Secrets in all the wrappings that a task or an exception may give them."""

import json

from hypothesis import strategies as st

MARKS = st.text("abcdefghijkmnpqrstuvwxyz23456789", min_size=20, max_size=20)
NAMES = st.sampled_from(["password", "api_key", "clientSecret", "X-Auth-Token", "refresh_token", "cvv"])


def nested(inner, draw_from):
    """The value under other names and in lists, up to a few levels deep."""
    wraps = [
        lambda value: [1, value],
        lambda value: {"plan": "gold", "inner": value},
        lambda value: json.dumps({"inner": value}),
        lambda value: json.dumps(json.dumps([value])),
        lambda value: repr({"inner": value, "n": 1}),
        lambda value: f"<Order {value!r} of ana>",
    ]
    for wrap in draw_from(st.lists(st.sampled_from(wraps), max_size=3)):
        inner = wrap(inner)
    return inner


@st.composite
def planted(draw):
    """A value that holds a secret, and a mark that stands inside the secret."""
    mark, name = draw(MARKS), draw(NAMES)
    junk = draw(st.text("aZ9 ,;:'\"\\{}[]()=&#@/ü\n", max_size=6))
    whole = draw(
        st.sampled_from(
            [
                {name: mark + junk + "1"},
                {name: [junk, {"deep": mark}]},
                json.dumps({name: junk + mark, "plan": 3}),
                repr({name: junk + mark, "plan": 3}),
                f"login({name}={mark!r}, user='ana')",
                f"https://shop.example/pay?{name}={mark}&page=2",
                f"{name}: {mark}",
                f"postgresql://app:{mark}@db.example/shop",
                f"Authorization: Bearer {mark}",
                f"ghp_{mark}{mark} is revoked",
                f"sk_live_{mark}{mark}",
            ]
        )
    )
    return nested(whole, draw), mark
