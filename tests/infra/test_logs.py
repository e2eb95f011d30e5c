"""Each line says when, how grave, where, what, and to which request or task it belongs."""

import json
import logging
import subprocess
import sys

import pytest

from dlq.redaction import Redactor
from dlq.redaction.logs import RedactedRecord
from infra.logs import JsonFormatter, LogStyle, TextFormatter, bind, bound, unbind
from infra.settings import Settings

SECRET = "sk-live-4eC39HqLyjWDarjtT1zdp7dc"


def record(message="paid %s", *args, **kept):
    made = RedactedRecord("shop", logging.WARNING, "shop.py", 1, message, args or ("order 7",), None)
    made.redactor = Redactor()
    made.created = 1_790_000_000.25
    vars(made).update(kept)
    return made


@pytest.fixture(autouse=True)
def nothing_bound():
    token = bind(correlation_id=None)
    yield
    unbind(token)


def test_a_json_line_has_the_same_keys_in_the_same_order():
    bind(correlation_id="c-1", person="ada")
    line = JsonFormatter().format(record(fields={"status": 200}))
    assert list(json.loads(line).items()) == [
        ("time", "2026-09-21T14:13:20.250+00:00"),
        ("level", "warning"),
        ("logger", "shop"),
        ("message", "paid order 7"),
        ("correlation_id", "c-1"),
        ("person", "ada"),
        ("status", 200),
    ]


def test_a_text_line_ends_with_what_is_bound():
    bind(task_id="t-1")
    assert TextFormatter().format(record()).endswith("WARNING shop: paid order 7 [task_id=t-1]")
    unbind(bind(task_id=None))
    assert TextFormatter().format(record(fields={"status": 1})).endswith(" [task_id=t-1 status=1]")


def test_what_was_bound_before_comes_back():
    outer = bind(task_id="outer", letter="7")
    inner = bind(task_id="inner", letter=None)
    assert bound() == {"task_id": "inner"}
    unbind(inner)
    assert bound() == {"task_id": "outer", "letter": "7"}
    unbind(outer)
    assert bound() == {}


@pytest.mark.parametrize("formatter", [JsonFormatter, TextFormatter])
def test_no_secret_stands_in_message_traceback_or_id(formatter):
    bind(correlation_id=f"api_key={SECRET}")
    try:
        raise ValueError(f"refused: password={SECRET}")
    except ValueError:
        failed = record("token=%s", SECRET, exc_info=sys.exc_info())
    line = formatter(Redactor().text).format(failed)
    assert "ValueError: refused" in line
    assert SECRET not in line


@pytest.mark.parametrize("formatter", [JsonFormatter, TextFormatter])
def test_an_id_cannot_begin_a_line_of_its_own(formatter):
    bind(correlation_id="c-1\n2026-01-01 ERROR forged")
    assert len(formatter().format(record()).splitlines()) == 1


@pytest.mark.parametrize(("chosen", "style"), [("json", LogStyle.JSON), ("TEXT", LogStyle.TEXT), ("", None)])
def test_the_style_is_a_setting(chosen, style):
    assert Settings.from_env({"ONWARD_LOG": chosen}).log is style


def test_loggers_of_libraries_write_in_the_same_form_when_nobody_is_at_a_terminal():
    program = """
import logging
library = logging.getLogger("library")
library.addHandler(logging.StreamHandler())
library.propagate = False
from infra.logs import configure
configure(None)
library.warning("from a library")
"""
    run = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, check=True)
    [line] = run.stderr.splitlines()
    assert json.loads(line)["message"] == "from a library"
