"""What strangers send is read as JSON and as nothing else, and no text is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.celery_app import create_celery

ROOT = Path(__file__).parent.parent
PACKAGES = ("analytics", "api", "dlq", "infra", "migrations", "onboarding", "pages", "recovery")
CODE = [ROOT / "app.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
#: Modules that can make an object, or run code, of what they read.
MAKERS = {
    "pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "yaml",
    "jsonpickle",
    "code",
}
RUNNERS = {"eval", "exec", "compile", "__import__", "read_pickle", "literal_eval"}


def used(source: str) -> Iterator[str]:
    """Names of modules imported, of functions called by name, and of dangerous options switched on."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]
            case ast.Call(func=ast.Name(id=name)):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(), attr="read_pickle" | "literal_eval" as name)):
                yield name
            case ast.keyword(arg="allow_pickle" | "shell" as name, value=value):
                if not (isinstance(value, ast.Constant) and value.value is False):
                    yield name


def test_nothing_but_json_is_deserialised_and_no_text_is_run() -> None:
    forbidden = MAKERS | RUNNERS | {"allow_pickle", "shell"}
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in CODE
        for name in forbidden.intersection(used(path.read_text(encoding="utf-8")))
    }
    assert len(CODE) > 100
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from yaml import load",
        "eval(text)",
        "pandas.read_pickle(path)",
        "numpy.load(path, allow_pickle=True)",
        "run(text, shell=True)",
    ],
)
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert (MAKERS | RUNNERS | {"allow_pickle", "shell"}).intersection(used(line))


def test_workers_take_nothing_but_json_from_the_broker() -> None:
    conf = create_celery("redis://127.0.0.1:1/0").conf
    assert (list(conf.accept_content), conf.task_serializer) == (["json"], "json")
    assert conf.result_accept_content in (None, ["json"])
    assert conf.result_serializer == "json"
