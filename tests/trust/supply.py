"""Lock -> docs/licences.md and sbom.json: `python -m tests.trust.supply licences|sbom`, from what is installed here.

The bill of materials is CycloneDX 1.6, in JSON. Both are made of packages' own metadata: what they say of themselves.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from uuid import UUID

from tests.processes import ROOT

LOCK = ROOT / "requirements.lock"
LICENCES = ROOT / "docs" / "licences.md"
SBOM = ROOT / "build" / "sbom.json"
FREE = re.compile(
    r"\b(?:0BSD|AFL|Apache|BSD|BSL-1\.0|CC0|CNRI|Enthought|HPND|ISC|LLVM|MIT|MPL|Mozilla|PSF|PSFL|Python Software|"
    r"Unlicense|Zlib)\b|Apache", re.IGNORECASE
)  # fmt: skip
"""Licences under which an Apache-2.0 program may depend on a package that it does not change."""
BARRED = re.compile(
    r"\b(?:[AL]?GPL|GNU|SSPL|ELv2|Elastic|BUSL|Commons Clause|non-?commercial|proprietary)", re.IGNORECASE
)
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)")


@dataclass(frozen=True, slots=True)
class Component:
    """A package of the lock."""

    name: str
    version: str
    licence: str
    """As it says itself; "" if it says nothing."""

    @property
    def fits(self) -> bool:
        """Whether its licence is one of those that fit, or leaves the choice of one."""
        options = re.split(r"\bOR\b|\|", self.licence)
        return any(FREE.search(option) and not BARRED.search(option) for option in options)


def pins() -> dict[str, str]:
    """Name -> version, exactly as locked."""
    lines = (line.strip() for line in LOCK.read_text("utf-8").splitlines())
    return {pin[1]: pin[2] for line in lines if line and not line.startswith("#") if (pin := PIN.fullmatch(line))}


def components() -> Iterator[Component]:
    """Every package of the lock that is installed here."""
    for name, version in sorted(pins().items(), key=lambda pin: pin[0].lower()):
        try:
            yield Component(name, version, licence(distribution(name)))
        except PackageNotFoundError:
            continue


def licence(found: Distribution) -> str:
    """What a package says of its licence: the expression, else its classifiers, else the first line of the text."""
    told = found.metadata
    if "License-Expression" in told:
        return told["License-Expression"]
    classifiers = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier") or () if c.startswith("License ::")]
    if classifiers:
        return " | ".join(sorted(set(classifiers) - {"DFSG approved", "OSI Approved"}))
    first = (told["License"] if "License" in told else "").strip().partition("\n")[0][:60]  # noqa: SIM401 (it has no get)
    return first or _by_file(found)


def _by_file(found: Distribution) -> str:
    """The title of the licence's own text, for a package that says nothing else."""
    for file in found.files or ():
        if re.search(r"(?i)\blicen[cs]e", file.name) and file.suffix in ("", ".txt", ".md"):
            text = " ".join(Path(str(file.locate())).read_text("utf-8", "replace").split())[:400]
            known = re.search(r"Apache License|MIT License|Permission is hereby granted, free of charge|BSD", text)
            return {"Permission is hereby granted, free of charge": "MIT"}.get(known[0], known[0]) if known else ""
    return ""


def licences() -> str:
    """docs/licences.md."""
    found = list(components())
    rows = "\n".join(f"| {c.name} | {c.version} | {c.licence.replace('|', 'or')} |" for c in found)
    return f"""# Licences of the locked dependencies

Written by `make licences` from what each package says of itself. All {len(found)} can be used by a program under
Apache-2.0 that does not change them; those under MPL-2.0 keep their own licence, file by file.

| package | version | licence |
| --- | --- | --- |
{rows}
"""


def sbom() -> str:
    """A bill of materials in CycloneDX 1.6; the same for the same lock."""
    lock = hashlib.sha256(LOCK.read_bytes()).digest()
    parts = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{c.name.lower()}@{c.version}",
            "name": c.name,
            "version": c.version,
            "purl": f"pkg:pypi/{c.name.lower()}@{c.version}",
            "licenses": [{"license": {"name": c.licence}}],
        }
        for c in components()
    ]
    own = distribution("whichpapers")
    subject = {"type": "application", "bom-ref": "whichpapers", "name": "whichpapers", "version": own.version}
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{UUID(bytes=lock[:16], version=4)}",
        "version": 1,
        "metadata": {"component": subject},
        "components": parts,
        "dependencies": [{"ref": "whichpapers", "dependsOn": [part["bom-ref"] for part in parts]}],
    }
    return json.dumps(bill, indent=1) + "\n"


def main(what: str) -> None:
    """Writes one of both."""
    if what == "sbom":
        SBOM.parent.mkdir(exist_ok=True)
        SBOM.write_text(sbom(), "utf-8")
    else:
        LICENCES.write_text(licences(), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
