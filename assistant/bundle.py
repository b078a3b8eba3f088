"""Transcript <-> file: an answer with all that it was made of, as a zip. What is read may have been made by anyone.

bundle.json       what each other member's SHA-256 is, and with which versions the bundle was made
asked.json        the question, the conversation, the options
library.json      what the library told: hits, sentences, proofs; papers by id
papers.json       the texts of those papers
replies.jsonl     each call to the model: what it was sent, and what came of it
prompts/NAME.md   the wordings that were used
answer.json       the answer, as `ask --format json` prints it
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import SecretStr, TypeAdapter

import prompts
from assistant.errors import AssistantError
from assistant.records import Answer, Inquiry, Usage
from assistant.transcript import Said, Told, Transcript
from ingest.archives import DAMAGED

MAX_BYTES = 50_000_000
"""Of all members, unpacked: of an exhaustive answer over some seven thousand papers."""
MAX_MEMBERS = 100
_MAX_LISTING_BYTES = 20_000
"""Of the zip's own list of its members, which is read whole before anything else."""
_SECRET_CHARS = 16
"""A shorter key is none: servers on one's own machine take any word for one."""
_SCHEMA = 1
_MANIFEST = "bundle.json"
_NAMES = frozenset({"asked.json", "library.json", "papers.json", "replies.jsonl", "answer.json"})
_PROMPT = re.compile(r"prompts/([a-z_]{1,40})\.md")

Form = TypeVar("Form")


class BundleUnreadable(AssistantError):
    """A file is no bundle, or not the one that was written."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"not a whole bundle: {why}; make one with: whichpapers ask QUESTION --bundle FILE")


class BundleUnwritten(AssistantError):
    """A bundle could not be written."""

    exit_code = 1

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"no bundle was written to {str(path)!r}: {why}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and who answered it."""

    inquiry: Inquiry
    model: str | None
    """The language model's name; None for an offline answer."""
    fallback: str | None
    """Why a model that was wanted took no part."""
    spent: Usage
    """What was asked of it all the same."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle holds."""

    schema: int
    made_with: Mapping[str, str]
    """Versions of what an answer depends on beside the bundle, by name."""
    sha256: Mapping[str, str]
    """Of each member but this, by name."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An answer and all that it was made of."""

    asked: Asked
    told: Told
    said: tuple[Said, ...]
    prompts: Mapping[str, str]
    """The wordings used, by name."""
    answer: Answer
    text: str
    """The answer as it was printed."""
    made_with: Mapping[str, str]
    """See `Manifest`."""


_LISTED, _ASKED, _TOLD = TypeAdapter(Manifest), TypeAdapter(Asked), TypeAdapter(Told)
_SAID, _ANSWER = TypeAdapter(Said), TypeAdapter(Answer)


def versions() -> dict[str, str]:
    """The versions here of what an answer depends on beside its bundle, by name."""
    return {name: version(name) for name in ("whichpapers", "numpy", "tiktoken")}


def of(transcript: Transcript, answer: Answer) -> Bundle:
    """The bundle of `answer`, while which `transcript` was made."""
    asked = Asked(transcript.inquiry, answer.model, transcript.fallback, transcript.spent)
    used = {name: prompts.source(name) for name in sorted(answer.trace.prompts)}
    return Bundle(asked, transcript.told, transcript.said, used, answer, answer.to_json() + "\n", versions())


def write(bundle: Bundle, path: Path | str, key: SecretStr | None = None) -> None:
    """Writes `bundle`, in place of what was at `path`. The same bundle gives the same bytes.

    Args:
        bundle: See there.
        path: A zip file.
        key: The language model's; a bundle that it got into, by a reply that repeats it, say, is not written.

    Raises:
        BundleUnwritten: It holds the key, or is too large to be read again, or the disk refuses.
    """
    path, members = Path(path), _packed(bundle)
    if sum(map(len, members.values())) > MAX_BYTES:
        raise BundleUnwritten(path, f"it would hold more than {MAX_BYTES:,} bytes; ask of fewer papers")
    if key and _holds(members, key.get_secret_value()):
        raise BundleUnwritten(path, "the question, a paper or a reply holds the model's key")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)  # with a fixed date
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(packed.getvalue())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise BundleUnwritten(path, error.strerror or str(error)) from error


def read(path: Path | str) -> Bundle:
    """The bundle at `path`, found to be as it was written.

    Raises:
        BundleUnreadable: It is not, or is none.
    """
    members = _members(Path(path))
    manifest = _parsed(_LISTED, _MANIFEST, members.pop(_MANIFEST, b""))
    if manifest.schema != _SCHEMA:
        raise BundleUnreadable(f"expected schema {_SCHEMA}, found {manifest.schema}")
    for name in sorted(_NAMES | members.keys() | manifest.sha256.keys()):
        if name not in members:
            raise BundleUnreadable(f"{name!r:.60} is missing")
        if manifest.sha256.get(name) != hashlib.sha256(members[name]).hexdigest():
            raise BundleUnreadable(f"{name!r} was altered")
    said = [_parsed(_SAID, "replies.jsonl", line) for line in members["replies.jsonl"].splitlines()]
    return Bundle(
        _parsed(_ASKED, "asked.json", members["asked.json"]),
        _told(members["library.json"], members["papers.json"]),
        tuple(said),
        {found[1]: _text(name, content) for name, content in members.items() if (found := _PROMPT.fullmatch(name))},
        _parsed(_ANSWER, "answer.json", members["answer.json"]),
        _text("answer.json", members["answer.json"]),
        manifest.made_with,
    )


def _packed(bundle: Bundle) -> dict[str, bytes]:
    """The members, by name."""
    told, papers = asdict(bundle.told), {}
    for holder in _holders(told):
        papers[holder["paper"]["id"]] = holder["paper"]
        holder["paper"] = holder["paper"]["id"]
    members = {
        "asked.json": _json(asdict(bundle.asked), indent=2),
        "library.json": _json(told),
        "papers.json": _json(papers, indent=2),
        "replies.jsonl": b"".join(_json(asdict(each)) for each in bundle.said),
        **{f"prompts/{name}.md": text.encode() for name, text in bundle.prompts.items()},
        "answer.json": bundle.text.encode(),
    }
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    return {_MANIFEST: _json(asdict(Manifest(_SCHEMA, bundle.made_with, sha256)), indent=2), **members}


def _json(value: object, indent: int | None = None) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=indent) + "\n").encode()


def _holders(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that has a paper in what a library told, as JSON."""
    yield from told["hits"]
    yield from (told["verdict"] or {}).get("judgements", ())


def _holds(members: Mapping[str, bytes], key: str) -> bool:
    if len(key) < _SECRET_CHARS:
        return False
    forms = {key.encode(), json.dumps(key)[1:-1].encode()}
    return any(form in content for content in members.values() for form in forms)


def _members(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise BundleUnreadable(f"there is no file {str(path)!r}")
    try:
        with path.open("rb") as file:
            _check_listing(file)
            with zipfile.ZipFile(file) as archive:
                return dict(_unpacked(archive))
    except DAMAGED as error:
        raise BundleUnreadable(f"{path.name!r} is no zip file, or a damaged one") from error


def _check_listing(file: IO[bytes]) -> None:
    """Refuses a zip that is not of the plain form in which bundles are written, before its list is read into memory."""
    file.seek(-min(file.seek(0, io.SEEK_END), 42), io.SEEK_END)
    end = file.read().rjust(42, b"\0")
    listing = int.from_bytes(end[-10:-6], "little")
    if not end[-22:].startswith(b"PK\5\6") or end.startswith(b"PK\6\7") or listing > _MAX_LISTING_BYTES:
        raise BundleUnreadable("it is no zip file such as are written here")


def _unpacked(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    room, seen = MAX_BYTES, set[str]()
    for info in archive.infolist():
        name = info.filename
        if name in seen or len(seen) >= MAX_MEMBERS or not (name in _NAMES | {_MANIFEST} or _PROMPT.fullmatch(name)):
            raise BundleUnreadable(f"it holds {name!r:.60}, which no bundle has")
        seen.add(name)
        try:
            with archive.open(info) as stream:
                content = stream.read(room + 1)
        except DAMAGED as error:
            raise BundleUnreadable(f"{name!r} was altered") from error
        room -= len(content)
        if room < 0:
            raise BundleUnreadable(f"it unpacks to more than {MAX_BYTES:,} bytes")
        yield name, content


def _told(library: bytes, papers: bytes) -> Told:
    try:
        told, by_id = json.loads(library), json.loads(papers)
        for holder in _holders(told):
            holder["paper"] = by_id[holder["paper"]]
        found = _TOLD.validate_python(told)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise BundleUnreadable("'library.json' and 'papers.json' do not have their form") from error
    if not found.about.notices.keys() <= set(prompts.names()):  # else it would be a way to any file
        raise BundleUnreadable("'library.json' names a notice that there is not")
    return found


def _parsed(form: TypeAdapter[Form], name: str, content: bytes) -> Form:
    try:
        return form.validate_json(content)
    except ValueError as error:
        raise BundleUnreadable(f"{name!r} does not have its form") from error


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BundleUnreadable(f"{name!r} does not have its form") from error
