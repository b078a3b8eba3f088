"""Text -> text: what is stored (verbatim, minus what no reader should meet) and what is searched (plain words)."""

from __future__ import annotations

import re
import unicodedata

CODE_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "huggingface.co", "sourceforge.net")

_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Controls, zero-width and direction marks, tag characters, lone surrogates: invisible, so never quoted."""

_CODE_HOST = re.compile(rf"https?://(?:[\w-]+\.)*(?:{'|'.join(map(re.escape, CODE_HOSTS))})(?![\w.-])", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s{}<>\"'|\\^`]+")
ACCENTS = dict(
    zip(
        "`'^\"~=.uvHcrkdb",
        "\u0300\u0301\u0302\u0308\u0303\u0304\u0307\u0306\u030c\u030b\u0327\u030a\u0328\u0323\u0331",
        strict=True,
    )
)
"""TeX's command for an accent to the character that puts it on the letter before."""
_ACCENT = re.compile(r"\\([`'^\"~=.]|[uvHcr](?=[\s{]))\s*\{?\\?([A-Za-z])\}?")
_STYLE = re.compile(
    r"\\(?:it|em|bf|rm|tt|sl|sc|cal|emph|text(?:it|bf|rm|tt|sc|sf)?|math(?:cal|bb|bf|rm|frak|scr|sf|it)|"
    r"operatorname|left|right|big|Big|bigl|bigr|mbox|ensuremath)\b\*?"
)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_GLUED_LEFT = re.compile(r"(?<=[A-Za-z~])left(?=[(\[{|])")
_GLUED_RIGHT = re.compile(r"right(?=[)\]}|])")
"""What a page's renderer left of a delimiter's commands. Alone, `right` may be a word: (from left to right)."""
_ESCAPED = re.compile(r"\\([%&#_$])")
_MARKUP = re.compile(r"[${}~]|``|''|\\[\\,;:! ()]?")

_PLAIN = re.compile(r"[A-Za-z0-9\s.,;:?!/%+-]*")
_TO_DO = re.compile(r"[\\${}~]|``|''|left[(\[{|]|\s[)\]]|[^\x00-\x7f]")
"""What any step of `searchable` looks for: most text has none of it, and much is so plain that none can be there."""


def stored(text: str) -> str:
    """The text to keep and to quote: NFC, white space folded, characters that cannot be seen removed."""
    return " ".join(unicodedata.normalize("NFC", seen(text)).split())


def seen(text: str) -> str:
    """The text without characters that cannot be seen; its white space as it was."""
    return _UNSEEN.sub("", text)


def searchable(text: str) -> str:
    r"""The text to index: LaTeX accents as letters, commands as words, markup gone.

    For example ``Fr\'{e}chet`` becomes ``Fréchet``, ``{\it single-loop}`` becomes ``single-loop``, and both
    ``$\mathcal{O}\left(k^{-3}\right)$`` and ``Oleft(k^{-3} right)`` become ``O(k^-3)``.
    """
    if _PLAIN.fullmatch(text) or not _TO_DO.search(text):
        return " ".join(text.split())
    text = _ACCENT.sub(lambda found: found[2] + ACCENTS[found[1]], text)
    text = _COMMAND.sub(r"\1", _STYLE.sub("", text))
    text, glued = _GLUED_LEFT.subn("", text)
    text = _GLUED_RIGHT.sub("", text, count=glued) if glued else text
    text = _ESCAPED.sub(r"\1", text)
    text = _MARKUP.sub(lambda found: " " if found[0] == "~" else "", text)
    return " ".join(re.sub(r"\s+(?=[)\]])", "", unicodedata.normalize("NFKC", text)).split())


def links(text: str) -> tuple[str, ...]:
    """Every http(s) address in `text`, once each, in order, without closing punctuation."""
    found = (match[0].rstrip(".,;:!?)]") for match in _LINK.finditer(text))
    return tuple(dict.fromkeys(address for address in found if "." in address.partition("://")[2]))


def is_link(text: str) -> bool:
    """Whether `text` is one http(s) address and nothing else."""
    return bool(_LINK.fullmatch(text)) and "." in text.partition("://")[2]


def code_urls(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `addresses` that lead to a known code host."""
    return tuple(address for address in addresses if _CODE_HOST.match(address))
