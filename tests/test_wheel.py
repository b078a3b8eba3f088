"""What is shipped: a wheel that holds all it needs and works in an empty environment, away from the repository."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SIX
from tests.processes import ROOT, Ended, environment

pytestmark = pytest.mark.slow

PACKAGES = ("assistant", "evals", "ingest", "prompts")
QUESTION = "which papers quantize with the Hessian?"

Away = Callable[..., Ended]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from a copy."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools.build_meta import build_wheel; build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=source, env=environment(), check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def away(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Away:
    """Runs what the wheel installs, in an empty environment and another folder.

    The packages that it needs are those of this environment, but for the project itself.
    """
    folder = tmp_path_factory.mktemp("away")
    home = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, env=environment(PIP_DISABLE_PIP_VERSION_CHECK="1"), check=True, capture_output=True)
    (site,) = (home / "lib").glob("python*/site-packages")
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    (folder / "six.jsonl").write_text("\n".join(map(json.dumps, SIX)), "utf-8")

    def run(*arguments: str) -> Ended:
        told = environment(WHICHPAPERS_LIBRARY=str(folder / "library"), WHICHPAPERS_OFFLINE="true")
        ended = subprocess.run(
            [home / "bin" / "whichpapers", *arguments],
            cwd=folder,
            env=told,
            capture_output=True,
            timeout=800,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    assert run("ingest", "six.jsonl").out.endswith("The library holds 6 works.\n")
    return run


def test_the_wheel_holds_every_file_of_its_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    files = {path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    wanted = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    assert wanted - held == set()
    assert "app.py" in held
    assert not any(name.startswith(("tests/", "docs/")) for name in held)


def test_it_is_this_wheel_that_runs(away: Away, wheel: Path) -> None:
    assert away("--version").out == f"whichpapers {wheel.name.split('-')[1]}\n"
    assert len(away("papers").out.splitlines()) == 6


def test_it_answers_proves_and_exports(away: Away, wheel: Path) -> None:
    asked = away("ask", QUESTION, "--format", "json")
    assert (asked.code, asked.err) == (0, "")
    assert json.loads(asked.out)["citations"]
    saved = wheel.parent / "answer.json"
    saved.write_text(asked.out, "utf-8")
    assert away("verify", str(saved)).out.startswith("verified: ")
    assert away("export", str(saved), "--format", "evidence").out.startswith("<!DOCTYPE html>")


def test_its_prompts_and_its_other_programs_are_there(away: Away) -> None:
    assert away("prompts", "judge").out.startswith("A reader asks: ")
    for program in ("eval", "chat", "serve"):
        assert f"whichpapers {program}" in away(program, "--help").out


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_it_reads_the_sample_that_it_holds(away: Away) -> None:
    assert away("ingest", "--sample", "--library", "sample").out.endswith("The library holds 593 works.\n")


def test_the_image_asks_for_a_password_and_runs_as_nobody_special(away: Away) -> None:
    image = (ROOT / "Dockerfile").read_text("utf-8")
    (command,) = re.findall(r"^CMD (.*)$", image, re.MULTILINE)
    assert re.findall(r"^USER (.*)$", image, re.MULTILINE)[-1] != "root"
    refused = away(*json.loads(command))
    assert (refused.code, refused.out) == (2, "")
    assert "WHICHPAPERS_PASSWORD" in refused.err


def test_the_image_and_the_space_agree_and_copy_what_is_built() -> None:
    image = (ROOT / "Dockerfile").read_text("utf-8")
    space = (ROOT / "deploy" / "space" / "README.md").read_text("utf-8")
    assert re.findall(r"^EXPOSE (\d+)$", image, re.MULTILINE) == re.findall(r"^app_port: (\d+)$", space, re.MULTILINE)
    assert "\nsdk: docker\n" in space.split("---")[1]
    copied = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line.startswith("!")}
    assert copied == {*PACKAGES, "app.py", "pyproject.toml", "README.md", "LICENSE"}
