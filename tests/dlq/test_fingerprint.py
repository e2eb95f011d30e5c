"""Two runs of one bug share a fingerprint; two bugs do not."""

import pytest

from dlq.groups.fingerprint import fingerprint
from dlq.groups.message import shared


def trace(*frames):
    return "Traceback (most recent call last):\n" + "\n".join(
        f'  File "{path}", line {line}, in {name}\n    pass' for path, line, name in frames
    )


SHOP = trace(("/srv/app/shop.py", 10, "pay"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("plan 17 of 20 missing", "plan 4 of 9 missing"),
        ("no user 'ana'", "no user 'bo'"),
        ("<Plan object at 0x7fc4a0ed31c0>", "<Plan object at 0x707dc810d490>"),
        ("job 6f9619ff-8b86-d011-b42d-00c04fc964ff", "job 00000000-8b86-d011-b42d-00c04fc964ff"),
        ("cannot open /srv/a/b.txt", "cannot open /home/x/c.txt"),
        ("GET https://a.example/1 failed", "GET https://b.example/2 failed"),
        ("first line\nmore 1", "first line\nother"),
    ],
)
def test_what_varies_between_runs_does_not_count(one, other):
    assert fingerprint("ValueError", one, SHOP) == fingerprint("ValueError", other, SHOP)


def test_lines_and_folders_do_not_count():
    moved = trace(("/opt/release-7/shop.py", 99, "pay"))
    assert fingerprint("ValueError", "no", SHOP) == fingerprint("ValueError", "no", moved)


@pytest.mark.parametrize(
    ("kind", "message", "traceback"),
    [
        ("KeyError", "no", SHOP),
        ("ValueError", "yes", SHOP),
        ("ValueError", "no", trace(("/srv/app/cart.py", 10, "pay"))),
    ],
)
def test_type_message_and_place_tell_bugs_apart(kind, message, traceback):
    assert fingerprint("ValueError", "no", SHOP) != fingerprint(kind, message, traceback)


def test_the_place_is_our_own_code_not_the_library_that_raised():
    library = ("/usr/lib/python3.11/site-packages/requests/api.py", 3, "get")
    ours = trace(("/srv/app/shop.py", 10, "pay"), library)
    theirs = trace(("/srv/app/cart.py", 10, "add"), library)
    assert fingerprint("Timeout", "slow", ours) != fingerprint("Timeout", "slow", theirs)
    assert fingerprint("Timeout", "slow", ours) == fingerprint("Timeout", "slow", SHOP)


def test_without_our_own_code_the_task_is_the_place():
    lost = "Worker exited prematurely: signal 9 (SIGKILL) Job: {}."
    one = fingerprint("WorkerLostError", lost.format(1), "", "shop.pay")
    assert one == fingerprint("WorkerLostError", lost.format(2), "", "shop.pay")
    assert one != fingerprint("WorkerLostError", lost.format(1), "", "shop.ship")


def test_a_missing_name_is_one_cause_wherever_it_is_missed():
    message = "cannot import name 'url_quote' from 'werkzeug.urls' ({}/urls.py){}"
    one = fingerprint("ImportError", message.format("/a/b", ""), SHOP)
    elsewhere = trace(("/srv/app/cart.py", 10, "add"))
    assert one == fingerprint("ImportError", message.format("/c/d", ". Did you mean: 'unquote'?"), elsewhere)
    assert one != fingerprint(
        "ImportError", message.replace("url_quote", "url_join").format("/a/b", ""), SHOP
    )


def test_the_module_of_the_exception_does_not_count():
    assert fingerprint("sqlite3.OperationalError", "x", SHOP) == fingerprint("OperationalError", "x", SHOP)


def test_placeholders_say_what_was_there():
    assert shared("plan 7 at 0xff in /a/b/c") == "plan <number> at <address> in <path>"


def test_text_that_is_no_unicode_has_a_fingerprint_too():
    assert len(fingerprint("ValueError", "\udcff", SHOP)) == 16
