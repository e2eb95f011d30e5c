"""Whatever runs by itself or on a press looks up who is there: an ended session stops it."""

import ast
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parent.parent.parent / "pages").glob("*.py"))
LOOKS_UP = {"enter", "signed_in"}


def own_runs(tree: ast.Module) -> list[ast.FunctionDef]:
    """Functions that Streamlit runs without the page around them: fragments, and dialogs."""
    wrapped = {
        call.args[0].id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Call)
        and ast.unparse(call.func.func) == "st.dialog"
        and isinstance(call.args[0], ast.Name)
    }
    return [
        function
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and (
            function.name in wrapped
            or any(
                ast.unparse(decorator).startswith(("st.fragment", "st.dialog"))
                for decorator in function.decorator_list
            )
        )
    ]


def looks_up(function: ast.FunctionDef, tree: ast.Module) -> bool:
    """Whether it, or a function of the module that it calls, asks who is signed in."""
    called = {
        ast.unparse(call.func).rpartition(".")[2] for call in ast.walk(function) if isinstance(call, ast.Call)
    }
    inner = [
        each
        for each in tree.body
        if isinstance(each, ast.FunctionDef) and each.name in called - {function.name}
    ]
    return bool(called & LOOKS_UP) or any(looks_up(each, tree) for each in inner)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_fragment_and_dialog_looks_the_session_up(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [each.name for each in own_runs(tree) if not looks_up(each, tree)] == []


def test_fragments_and_dialogs_were_found():
    found = [each for path in PAGES for each in own_runs(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(found) > 15
