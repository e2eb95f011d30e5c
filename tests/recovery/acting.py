"""The functions of ours that act for a person, read from the code, so that none is forgotten by a test."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("analytics", "dlq", "infra", "onboarding", "recovery")


def functions_that_act_for_somebody(packages: tuple[str, ...] = PACKAGES) -> Iterator[str]:
    """Public functions and methods with a parameter that is a person, as module.name or module.Class.name."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from (f"{module}.{name}" for name in _named(tree))


def _named(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{name}" for name in _named(node))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            hints = {ast.unparse(one.annotation) for one in arguments if one.annotation}
            if hints & {"Actor", "Person"}:
                yield node.name
