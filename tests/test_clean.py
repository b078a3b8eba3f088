"""Text -> text: what is stored and what is searched."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.clean import code_urls, links, searchable, stored


@example("e\u200b\u0301")
@example("a\x85b\x0cc\u2028d")
@example("\ud800")
@given(text=st.text())
def test_stored_text_is_stored_as_it_is(text: str) -> None:
    kept = stored(text)
    assert stored(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)
    kept.encode()


@given(text=st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_what_can_be_seen_is_kept(text: str) -> None:
    assert stored(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "space", [" ", "\n", "\t", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\xa0", "\u3000", "\x1f"]
)
def test_any_white_space_becomes_one_space(space: str) -> None:
    assert stored(f" {space}a{space}{space}b{space}") == "a b"


@pytest.mark.parametrize(
    "unseen", ["\x00", "\x1b", "\xad", "\u200b", "\u200e", "\u202e", "\u2066", "\ufeff", "\ud800", "\U000e0041"]
)
def test_what_cannot_be_seen_is_removed(unseen: str) -> None:
    assert stored(f"ig{unseen}nore") == "ignore"


@given(text=st.text())
def test_any_text_can_be_made_searchable(text: str) -> None:
    plain = searchable(stored(text))
    assert "  " not in plain
    plain.encode()


_latex = st.lists(st.sampled_from([*"\\{}$%&#_^~'`\"abcuvHrov=.()[]| ", "left", "right", "\\it", "\\\\"])).map("".join)


@given(text=_latex)
def test_any_latex_can_be_made_searchable(text: str) -> None:
    plain = searchable(text)
    assert not set(plain) & set("${}~")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"Fr\'{e}chet", "Fréchet"),
        (r"Fr\'echet", "Fréchet"),
        (r"na{\"\i}ve", "naïve"),
        (r"\v{S}idl\'ak", "Šidlák"),
        (r"Fran\c{c}ois", "François"),
        (r"Erd\H{o}s", "Erdős"),
        (r"{\it single-loop}", "single-loop"),
        (r"$\mathcal{O}\left(k^{-3}\right)$", "O(k^-3)"),
        (r"Oleft(k^{-3} right)", "O(k^-3)"),
        (r"$\alpha$-R\'enyi", "alpha-Rényi"),
        (r"99.5\% of", "99.5% of"),
        ("99.5% of", "99.5% of"),
        (r"A\&B \#1 x\_y", "A&B #1 x_y"),
        ("``Tropical''", "Tropical"),
        ("Smith~et~al.", "Smith et al."),
        ("ﬁne-tuning", "fine-tuning"),
        ("x² and ①", "x2 and 1"),
        ("naïve Fréchet Šidák ß", "naïve Fréchet Šidák ß"),
        ("(from left to right)", "(from left to right)"),
        ("a copyright) notice", "a copyright) notice"),
        ("C++, F#, 3D & O(n log n)", "C++, F#, 3D & O(n log n)"),
    ],
)
def test_latex_and_ligatures_become_plain_words(text: str, plain: str) -> None:
    assert searchable(text) == plain


@given(
    text=st.text(st.characters(categories=("Ll", "Lu"), max_codepoint=0x24F), max_size=30), number=st.integers(0, 999)
)
def test_letters_with_accents_and_percent_signs_are_kept(text: str, number: int) -> None:
    plain = searchable(f"{text} {number}%")
    assert plain.endswith(f"{number}%")
    assert plain == " ".join(unicodedata.normalize("NFKC", f"{text} {number}%").split())


def test_links_are_found_once_each_without_closing_punctuation() -> None:
    text = (
        "Code (https://github.com/a/b). See https://example.org/x_y?z=1&t=2, {https://a.io/p}, "
        "https://github.com/a/b; http:// and https://nodot are none"
    )
    assert links(text) == ("https://github.com/a/b", "https://example.org/x_y?z=1&t=2", "https://a.io/p")


@pytest.mark.parametrize(
    ("address", "is_code"),
    [
        ("https://github.com/a/b", True),
        ("https://GitHub.com/a", True),
        ("https://www.github.com/a", True),
        ("http://huggingface.co/x", True),
        ("https://github.com.evil.org/a", False),
        ("https://notgithub.com/a", False),
        ("https://example.org/github.com/a", False),
        ("https://a.github.io/b", False),
    ],
)
def test_code_urls_are_those_of_code_hosts(address: str, *, is_code: bool) -> None:
    assert code_urls((address,)) == ((address,) if is_code else ())
