"""What the README promises of settings, folders and commands is so."""

import re
from pathlib import Path

import pytest

from analytics.settings import SETTINGS as ANALYTICS
from dlq.settings import SETTINGS as DLQ
from infra.settings import SETTINGS as INFRA
from onboarding.settings import SETTINGS as ONBOARDING
from recovery.settings import SETTINGS as RECOVERY

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = [*INFRA, *ANALYTICS, *DLQ, *ONBOARDING, *RECOVERY]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_in_the_table_with_its_default(setting):
    default = f"`{setting.default}`" if setting.default else "–"
    assert f"| `{setting.name}` | {default} | {setting.help} |" in README


def test_the_table_has_no_setting_that_does_not_exist():
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert named == {setting.name for setting in SETTINGS}


def test_no_code_reads_a_setting_that_has_no_entry():
    """Settings are made from an environment that is passed in; nothing looks a name up on its own."""
    readers = {
        path.relative_to(ROOT).as_posix()
        for package in ("analytics", "api", "dlq", "infra", "onboarding", "pages", "recovery")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"os\.(getenv|environ(\[|\.get))", path.read_text(encoding="utf-8"))
    }
    assert readers == set()


def test_every_make_target_in_the_text_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)\b", README, re.MULTILINE)) <= targets


def test_every_linked_file_exists():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_folder_of_the_layout_exists():
    named = re.findall(r"^\| `([a-z.]+/?)`", README, re.MULTILINE)
    assert len(named) >= 9
    assert [name for name in named if not (ROOT / name).exists()] == []
