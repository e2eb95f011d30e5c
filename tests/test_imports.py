"""Imports point one way: app, pages, api -> recovery, onboarding -> analytics, dlq, infra."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"analytics", "api", "app", "dlq", "infra", "onboarding", "pages", "recovery"}
GROUND = {"analytics", "dlq", "infra"}
MAY_IMPORT = {
    "analytics": {"analytics"},
    "dlq": {"dlq"},
    "infra": {"infra"},
    "onboarding": GROUND | {"onboarding"},
    "recovery": GROUND | {"recovery"},
    "api": OURS - {"app", "pages"},
    "pages": OURS - {"app", "api"},
}
SURFACES = {"fastapi", "streamlit"}
LONGEST_MODULE = 400
LONGEST_PAGE = 120


def imported_roots(path: Path) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            roots.add(node.module.partition(".")[0])
    return roots


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_lies_below_it(package):
    wrong = {
        str(path.relative_to(ROOT)): sorted(extra)
        for path in modules(package)
        # The command line of a package wires the parts together.
        if path.name != "__main__.py" and (extra := imported_roots(path) & OURS - MAY_IMPORT[package])
    }
    assert wrong == {}


@pytest.mark.parametrize("package", sorted(GROUND | {"onboarding", "recovery"}))
def test_the_domain_does_not_know_the_surfaces(package):
    assert [path for path in modules(package) if imported_roots(path) & SURFACES] == []


def test_every_package_was_looked_at():
    assert all(modules(package) for package in MAY_IMPORT)


def _is_page(path):
    return path.parent.name == "pages" and not path.name.startswith("_")


def test_modules_stay_short():
    paths = [ROOT / "app.py", *(path for package in MAY_IMPORT for path in modules(package))]
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in paths
        if (lines := len(path.read_text(encoding="utf-8").splitlines()))
        > (LONGEST_PAGE if _is_page(path) else LONGEST_MODULE)
    }
    assert too_long == {}


def test_nothing_is_named_for_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert [path for package in MAY_IMPORT for path in modules(package) if path.stem in vague] == []
