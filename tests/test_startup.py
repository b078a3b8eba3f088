"""Process -> first answer: what is imported on the way, and what is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import assistant
import ingest
from ingest import Settings
from tests.processes import ROOT, environment, run_code
from tests.test_ask import HESSIAN

FOREIGN = {
    "gradio",
    "llama_index",
    "nltk",
    "onnx",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "torch",
    "transformers",
}
"""What a question does not need while the default encoder serves: seconds, and hundreds of megabytes."""
LATER = {"chromadb", "numpy", "onnxruntime", "pydantic", "pydantic_settings", "rich", "tantivy", "tokenizers"}
"""What `--help` does not need either."""

TOLD = """
import atexit, json, sys
from pathlib import Path
from assistant.cli import main
def tell():
    status = Path("/proc/self/status")
    peak = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")] or [0]
    print(json.dumps([sorted({name.partition(".")[0] for name in sys.modules}), int(peak[0])]), file=sys.stderr)
atexit.register(tell)
main()
"""


def whichpapers(*arguments: str | Path) -> tuple[set[str], int]:
    """Runs a command; the packages that it imported, and the most memory it held (0 where Linux does not tell), kB."""
    ended = run_code(TOLD, *arguments)
    assert ended.code == 0, ended
    packages, peak = json.loads(ended.err.splitlines()[-1])
    return set(packages), peak


def test_help_imports_next_to_nothing() -> None:
    packages, _ = whichpapers("--help")
    assert not packages & (FOREIGN | LATER)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_question_is_answered_without_torch(sample_settings: Settings, command: str) -> None:
    packages, peak = whichpapers(command, HESSIAN, "--library", sample_settings.library)
    assert not packages & FOREIGN
    assert packages >= {"onnxruntime", "chromadb", "tantivy"}  # else the check above could not fail
    assert peak < 500_000


@pytest.mark.parametrize("package", [assistant, ingest])
def test_every_name_of_a_package_is_there(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]  # both packages have it
    assert all(getattr(package, name) is not None for name in names)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # type: ignore[attr-defined]  # noqa: B018  (that is what is tested)


@pytest.mark.parametrize("first", ["assistant.ask", "assistant.verify", "assistant"])
def test_a_function_named_as_its_module_is_the_function_whoever_imports_first(first: str) -> None:
    code = f"import {first}\nfrom assistant import ask, verify\nassert callable(ask) and callable(verify)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), check=True, timeout=60)
