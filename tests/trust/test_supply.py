"""What comes from elsewhere: pinned, with a licence that fits, listed; weights checked; and nothing that runs code."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest import minilm
from ingest.encode import SentenceTransformerEncoder
from ingest.errors import EncoderUnavailable
from tests.processes import ROOT
from tests.trust import supply

PACKAGES = ("assistant", "evals", "ingest", "prompts")
RUNS_CODE = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}


def sources() -> Iterator[tuple[Path, ast.AST]]:
    for folder in PACKAGES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


def test_every_dependency_is_pinned_exactly(record_property: Callable[[str, object], None]) -> None:
    lines = [line for line in supply.LOCK.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    assert [line for line in lines if not supply.PIN.fullmatch(line.strip())] == []
    assert len(lines) == len(supply.pins()) > 100
    record_property("cases", len(lines))


def test_every_licence_is_known_and_fits(record_property: Callable[[str, object], None]) -> None:
    found = list(supply.components())
    assert len(found) > 0.9 * len(supply.pins())
    assert [(c.name, c.licence) for c in found if not c.fits] == []
    record_property("cases", len(found))


@pytest.mark.parametrize(
    "licence", ["", "GPL-3.0-or-later", "AGPL-3.0", "GNU Lesser General Public License", "Proprietary"]
)
def test_a_licence_that_does_not_fit_is_seen(licence: str) -> None:
    assert not supply.Component("x", "1", licence).fits
    assert supply.Component("x", "1", "GPL-2.0 OR MIT").fits


def test_the_list_of_licences_names_every_locked_package() -> None:
    listed = supply.LICENCES.read_text("utf-8")
    missing = [name for name, version in supply.pins().items() if f"| {name} | {version} |" not in listed]
    assert missing == [], "run: make licences"


def test_the_bill_of_materials_is_whole() -> None:
    bill = json.loads(supply.sbom())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    refs = [part["bom-ref"] for part in bill["components"]]
    assert len(set(refs)) == len(refs) == len(list(supply.components()))
    assert bill["dependencies"][0]["dependsOn"] == refs
    assert supply.sbom() == supply.sbom()


def test_no_module_reads_pickles_or_trusts_foreign_code(record_property: Callable[[str, object], None]) -> None:
    wrong, seen = [], 0
    for path, tree in sources():
        seen += 1
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                wrong += [f"{path}: {name}" for name in names if name.partition(".")[0] in RUNS_CODE]
            elif isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                wrong += (
                    []
                    if isinstance(node.value, ast.Constant) and node.value.value is False
                    else [f"{path}: {node.arg}"]
                )
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("eval", "exec", "torch.load", "np.load"):
                wrong.append(f"{path}: {ast.unparse(node.func)}")
    assert wrong == []
    record_property("cases", seen)


def test_a_model_that_is_a_pickle_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for file in minilm._weights_folder().rglob("*"):
        if file.is_file() and file.suffix in (".json", ".txt"):
            (folder / file.relative_to(minilm._weights_folder())).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / file.relative_to(minilm._weights_folder()))
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(EncoderUnavailable):
        SentenceTransformerEncoder(str(folder), offline=True).encode(["a text"])
    assert not Path("ran").exists()
