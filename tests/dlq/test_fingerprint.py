"""Two runs of one bug share a fingerprint; two bugs do not."""

import pytest

from dlq.groups.fingerprint import cause_of, fingerprint
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


TIMEOUT = f"""{trace(("/srv/app/bank.py", 5, "transfer"))}
httpx.ReadTimeout: The read operation timed out"""
DIRECTLY = "\n\nThe above exception was the direct cause of the following exception:\n\n"
HANDLING = "\n\nDuring handling of the above exception, another exception occurred:\n\n"


def caused(by, how, kind, message, *frames):
    return kind, message, f"{by}{how}{trace(*frames)}\n{kind}: {message}"


def test_a_wrapper_does_not_count_but_what_it_was_raised_from():
    one = caused(TIMEOUT, DIRECTLY, "PayoutFailed", "order 7", ("/srv/app/tasks.py", 2, "payout"))
    other = caused(TIMEOUT, DIRECTLY, "BatchFailed", "3 orders", ("/srv/app/batch.py", 8, "run"))
    assert fingerprint(*one) == fingerprint(*other)
    begun = cause_of(*one)
    assert (begun.exception_type, begun.message) == ("ReadTimeout", "The read operation timed out")
    assert begun.place == "transfer in bank.py"


def test_a_failure_in_a_handler_is_a_bug_of_its_own():
    handler = ("KeyError", "'x'", ("/srv/app/tasks.py", 2, "payout"))
    refused = TIMEOUT.replace("ReadTimeout: The read operation timed out", "ConnectError: refused")
    assert fingerprint(*caused(TIMEOUT, HANDLING, *handler)) == fingerprint(
        *caused(refused, HANDLING, *handler)
    )


def test_a_signal_of_the_event_loop_is_not_where_a_failure_began():
    waited = trace(("/srv/app/search.py", 5, "ask")) + "\nasyncio.exceptions.CancelledError"
    late = caused(waited, DIRECTLY, "TimeoutError", "3 s", ("/srv/app/search.py", 9, "ask"))
    assert cause_of(*late).exception_type == "TimeoutError"


def test_the_wrapper_gives_the_place_when_the_first_exception_is_all_a_librarys():
    driver = trace(("/venv/lib/python3.11/site-packages/psycopg/cursor.py", 3, "execute"))
    driver += '\npsycopg.errors.UniqueViolation: duplicate key value violates unique constraint "users_key"'
    wrapped = caused(
        driver,
        DIRECTLY,
        "sqlalchemy.exc.IntegrityError",
        '(psycopg.errors.UniqueViolation) duplicate key value violates unique constraint "users_key"',
        ("/srv/app/users.py", 9, "register"),
    )
    assert cause_of(*wrapped).place == "register in users.py"
    without_chain = trace(("/srv/app/users.py", 9, "register"))
    assert fingerprint(*wrapped) == fingerprint(*wrapped[:2], without_chain)


GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/srv/app/feeds.py", line 3, in refresh
  |     async with TaskGroup() as tasks:
  | ExceptionGroup: unhandled errors in a TaskGroup ({} sub-exceptions)
  +-+---------------- 1 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/srv/app/feeds.py", line 9, in both
    | ExceptionGroup: nested (1 sub-exception)
    +-+---------------- 1 ----------------
      | Traceback (most recent call last):
      |   File "/srv/app/fetch.py", line 7, in fetch
      |     raise BadFeed(url)
      | feeds.errors.BadFeed: no channel in 'https://a.example/{}'
      +------------------------------------"""


def test_of_an_exception_group_the_first_exception_counts():
    kind, message = "ExceptionGroup", "unhandled errors in a TaskGroup ({} sub-exceptions)"
    begun = cause_of(kind, message.format(1), GROUP.format(1, 5))
    assert (begun.exception_type, begun.message) == ("BadFeed", "no channel in <value>")
    assert begun.place == "fetch in fetch.py"
    assert begun.fingerprint == fingerprint(kind, message.format(4), GROUP.format(4, 6))


def test_a_key_written_in_the_code_is_part_of_the_bug_and_a_computed_one_is_not():
    def missed(key, code):
        return fingerprint("KeyError", repr(key), f'  File "/srv/app/a.py", line 3, in f\n    {code}')

    assert missed("email", 'user["email"]') != missed("name", 'user["name"]')
    assert missed("EUR", "RATES[currency]") == missed("CHF", "RATES[currency]")


@pytest.mark.parametrize("kind", ["SoftTimeLimitExceeded", "MemoryError"])
def test_where_time_or_memory_ran_out_is_chance(kind):
    one, other = (trace(("/srv/app/export.py", 3, "export"), ("/srv/app/x.py", 4, name)) for name in "ab")
    assert fingerprint(kind, "", one, "shop.export") == fingerprint(kind, "", other, "shop.export")
    assert fingerprint(kind, "", one) == fingerprint(kind, "", other)
    assert fingerprint(kind, "", one, "shop.export") != fingerprint(kind, "", one, "shop.other")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("RecursionError", "maximum recursion depth exceeded{}"),
        ("json.JSONDecodeError", "Expecting value{}"),
        ("UnicodeDecodeError", "invalid byte{}"),
    ],
)
def test_what_a_decoder_stumbles_over_is_chance(kind, message):
    assert fingerprint(kind, message.format(""), SHOP) == fingerprint(kind, message.format(" in it"), SHOP)


def test_the_function_counts_where_the_message_could_come_from_anywhere():
    pay, ship = (trace(("/srv/app/shop.py", 3, name)) for name in ("pay", "ship"))
    assert fingerprint("ZeroDivisionError", "division by zero", pay) != fingerprint(
        "ZeroDivisionError", "division by zero", ship
    )
    relation = 'relation "daily_totals" does not exist'
    assert fingerprint("UndefinedTable", relation, pay) == fingerprint("UndefinedTable", relation, ship)


def test_a_message_that_our_code_raises_itself_is_one_cause_in_the_whole_file():
    pay, ship = (f"{trace(('/srv/app/shop.py', 3, name))}".replace("pass", "raise Late()") for name in "ab")
    assert fingerprint("Late", "too late", pay) == fingerprint("Late", "too late", ship)


def test_the_class_that_a_message_names_counts():
    message = "'{}' object is not iterable"
    assert fingerprint("TypeError", message.format("PlanView"), SHOP) != fingerprint(
        "TypeError", message.format("CartView"), SHOP
    )


def test_without_our_own_code_and_without_a_task_the_library_is_the_place():
    one, other = (trace(("/venv/site-packages/redis/client.py", 3, name)) for name in ("get", "set"))
    assert fingerprint("TimeoutError", "slow", one) != fingerprint("TimeoutError", "slow", other)


def test_code_made_while_running_has_no_number():
    one, other = (trace(("/srv/app/rules.py", 3, "price"), (f"<rule {n}>", 1, "<module>")) for n in (4, 19))
    assert fingerprint("ValueError", "no", one) == fingerprint("ValueError", "no", other)


def test_folders_of_windows_do_not_count():
    windows = trace((r"C:\work\app\shop.py", 7, "pay"), (r"C:\Python313\Lib\json\decoder.py", 3, "decode"))
    assert fingerprint("ValueError", "no", windows) == fingerprint("ValueError", "no", SHOP)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("[Errno 111] Connection refused", "[Errno 111] Connection refused"),
        ("Client error '403 Forbidden' for url 'http://x/1'", "Client error 403 Forbidden for url <value>"),
        ("signal 9 (SIGKILL) Job: 12", "signal 9 (SIGKILL) Job: <number>"),
        ("Error code: 429 - slow down", "Error code: 429 - slow down"),
        ('null in column "total" of relation "orders"', "null in column total of relation orders"),
        ('invalid input syntax for type integer: "abc"', "invalid input syntax for type integer: <value>"),
        ("no space for order-17 on host-3:6379", "no space for <name> on <name>"),
        ("<User: ana@mail.example> is locked", "User is locked"),
        ("token abcdef0123456789abcdef is old", "token <hash> is old"),
        ("due 2026-03-01T12:00:00.5+00:00", "due <time>"),
        ("('card_declined', 'The card ending in 42 was declined.')",
         "(card_declined, The card ending in <number> was declined)"),
        ("{'plan': 'gold'}", "{plan: <value>}"),
        ("f() takes 2 positional arguments but 7 were given",
         "f() takes <number> positional argument but <number> was given"),
        ("missing 2 required arguments: 'a' and 'b'", "missing <number> required argument: <value>"),
        ("1 validation error for Plan\nsteps.3.title\n  Field required [type=missing, input_value={}]",
         "<number> validation error for Plan steps.<number>.title missing"),
        ("ended with:\n  status = UNAVAILABLE\n  more", "ended with: status = UNAVAILABLE"),
        ("it's 'x' we can't find", "it's <value> we can't find"),
    ],
)  # fmt: skip
def test_codes_and_names_stay_and_values_go(message, expected):
    assert shared(message) == expected


def test_which_operand_stands_first_is_chance():
    message = "unsupported operand type(s) for +: '{}' and '{}'"
    assert shared(message.format("LazyText", "int")) == shared(message.format("int", "LazyText"))


def test_the_module_of_the_exception_does_not_count():
    assert fingerprint("sqlite3.OperationalError", "x", SHOP) == fingerprint("OperationalError", "x", SHOP)


def test_placeholders_say_what_was_there():
    assert shared("plan 7 at 0xff in /a/b/c") == "plan <number> at <address> in <path>"


def test_text_that_is_no_unicode_has_a_fingerprint_too():
    assert len(fingerprint("ValueError", "\udcff", SHOP)) == 16
