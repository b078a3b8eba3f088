r"""Text <-> TeX: what BibTeX writes for a text, and the text that it means. Formulas stand as they are in both.

Stored text may hold TeX outside formulas too, as arXiv's does: `Schr\"odinger`, `{\it single-loop}`, `80\%`. It is
written as it is, behind an empty group: `Schr{}\"odinger`. LaTeX sets that alike, and read again it is not decoded.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate

from ingest.clean import ACCENTS

_SYMBOLS = {
    "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å", "l": "ł",
    "L": "Ł", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ",
    "NG": "Ŋ", "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textbraceleft": "{",
    "textbraceright": "}", "textdollar": "$", "textunderscore": "_", "textless": "<", "textgreater": ">",
    "textbar": "|", "textquotesingle": "'", "textquoteleft": "‘", "textquoteright": "’", "textquotedblleft": "“",
    "textquotedblright": "”", "textendash": "–", "textemdash": "—", "ldots": "…", "dots": "…", "textellipsis": "…",
    "textregistered": "®", "texttrademark": "™", "copyright": "©", "textcopyright": "©", "textdegree": "°",
    "textmu": "µ", "textpm": "±", "texttimes": "×", "pounds": "£", "texteuro": "€", "euro": "€", "S": "§", "P": "¶",
    "LaTeX": "LaTeX", "TeX": "TeX", "slash": "/", "guillemotleft": "«", "guillemotright": "»",
}  # fmt: skip
_SPACING = {"\\": " ", " ": " ", ",": " ", ";": " ", ":": " ", "/": "", "-": "", "!": "", "@": ""}
_LIGATURES = {"---": "—", "--": "–", "``": "“", "''": "”"}

_STYLE = (
    r"\\(?:emph|text(?:it|bf|rm|tt|sl|sc|sf|up|md|normal|superscript|subscript)?|underline|uline|mbox|hbox|url|nolinkurl|"
    r"path|enquote)(?![A-Za-z])"
)
"""A command of one argument, which is the text."""
_SWITCH = (
    r"\\(?:it|em|bf|rm|tt|sl|sc|sf|(?:it|sc|sl|up)shape|(?:bf|md)series|(?:tt|rm|sf)family|normalfont|tiny|small|"
    r"footnotesize|large|Large|protect|relax|xspace|noindent)(?![A-Za-z])"
)
_SYMBOL = rf"\\(?:{'|'.join(_SYMBOLS)})(?![A-Za-z])"
_ACCENT = (
    r"\\(?:[`'^\"~=.]\s*+|[uvHcrkdb](?=[\s{])\s*+)"
    r"(?:\{\s*+(?:\\[ij](?![A-Za-z])|[A-Za-z])\s*+\}|\\[ij](?![A-Za-z])|[A-Za-z])"
)
_ESCAPE = r"\\[%&#_$]"

_LETTERS = r"[^\\{}$%&#_^]"
_MATHS = (
    r"\$\$(?:[^$\\]|\\.)++\$\$|\$(?:[^$\\]|\\.)++\$|\\\((?:[^\\$]|\\[^()\[\]])++\\\)|\\\[(?:[^\\$]|\\[^()\[\]])++\\\]"
)
_FORMULA = r"\$(?:[^$\\{}%&#]|\\[^{}])++\$|\\\((?:[^\\${}%&#]|\\[^()\[\]{}])++\\\)"
"""Maths without braces, as it may stand in a group."""
_INNER = f"{_LETTERS}|{_ACCENT}|{_ESCAPE}|{_SWITCH}|{_SYMBOL}|{_FORMULA}"
_GROUP = rf"\{{(?:{_INNER}|{_STYLE}|\{{(?:{_INNER})*+\}})*+\}}"
_SOUND = rf"{_ACCENT}|{_ESCAPE}|{_STYLE}{_GROUP}|{_SYMBOL}(?:\{{\}}|\s)|{_GROUP}|-{{2,}}|`{{2,}}|'{{2,}}"
"""TeX that LaTeX sets without an error, and that ends where it ends, whatever follows."""

_READ = re.compile(
    rf"\{{\}}(?P<sound>{_SOUND})|(?P<maths>{_MATHS})|(?P<accent>{_ACCENT})|(?P<symbol>{_SYMBOL})(?:\{{\}}|\s++)?"
    rf"|(?P<escape>\\[%&#_${{}}])|\\(?P<bare>[~^])\{{\}}|(?P<dropped>(?:{_STYLE}|{_SWITCH})\s*+)"
    r"|\\(?P<spacing>[\\ ,;:/\-!@])|(?P<unknown>\\[A-Za-z]++\*?|\\.|[\^_](?=\{))|(?P<address>https?://[^\s\\{}$'`]++)"
    r"|(?P<ligature>---|--|``|'')|(?P<tie>~)|(?P<brace>[{}])",
    re.DOTALL,
)
_WRITE = re.compile(rf"(?P<maths>{_MATHS})|(?P<sound>{_SOUND})|(?P<special>[\\{{}}$%&#_^~])", re.DOTALL)
_NAMED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_UNPAIRED = {"{": r"\textbraceleft{}", "}": r"\textbraceright{}"}
_OUTSIDE_MATHS = re.compile(r"(?<!\\)[%#]")
_ALIGNS = re.compile(r"(?<!\\)&")
_CERTAINLY_MATHS = re.compile(r"[\\^_={}<>]")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def text_of(tex: str) -> str:
    """The text that `tex` means. Formulas, and commands not known here with their arguments, stay as they are."""
    parts, place = [], 0
    closing = _closing(tex)
    while found := _READ.search(tex, place):
        parts.append(tex[place : found.start()])
        place = found.end()
        if found.lastgroup == "unknown":
            while place in closing:
                place = closing[place] + 1
            parts.append(tex[found.start() : place])
        else:
            parts.append(_meant(found.lastgroup or "", found[found.lastgroup or 0]))
    return "".join([*parts, tex[place:]])


def tex_of(text: str) -> str:
    """TeX that means `text`, in braces that pair, with or without those after a backslash; `text_of` undoes it."""
    parts: list[str] = []
    opened: list[int] = []
    place = 0
    while found := _WRITE.search(text, place):
        parts.append(text[place : found.start()])
        place = found.end()
        if found["sound"]:
            parts.append(f"{{}}{found[0]}")
        elif found["maths"] and _is_maths(found[0], text[place : place + 1]):
            parts.append(found[0])
        else:
            place = found.start() + 1
            _escape(text[found.start()], parts, opened)
    return "".join([*parts, text[place:]])


def _meant(kind: str, tex: str) -> str:
    if kind == "accent":
        letter = re.sub(r"[\s{}\\]", "", tex[2:])
        return unicodedata.normalize("NFC", letter + ACCENTS[tex[1]])
    tables = {"spacing": _SPACING, "ligature": _LIGATURES, "tie": {"~": " "}}
    if kind in tables:
        return tables[kind][tex]
    if kind in ("dropped", "brace"):
        return ""
    if kind == "symbol":
        return _SYMBOLS[tex[1:]]
    return tex[1:] if kind == "escape" else tex


def _escape(character: str, parts: list[str], opened: list[int]) -> None:
    r"""Appends `character`, a special one; a brace is `\{` only once its partner is found."""
    if character == "}" and opened:
        parts[opened.pop()] = r"\{"
        parts.append(r"\}")
        return
    if character == "{":
        opened.append(len(parts))
    parts.append(_NAMED.get(character) or _UNPAIRED.get(character) or f"\\{character}")


def _is_maths(formula: str, after: str) -> bool:
    """Whether LaTeX can set it, and it is none of what stands between two prices: `$5 and $6` (pandoc's rule)."""
    if _OUTSIDE_MATHS.search(formula) or not (paired(formula) and paired(re.sub(r"(?s)\\.", "", formula))):
        return False
    if _ALIGNS.search(formula) and r"\begin" not in formula:
        return False
    inner = formula.strip("$")
    return (inner == inner.strip() and not after.isdigit()) or bool(_CERTAINLY_MATHS.search(inner))


def paired(text: str) -> bool:
    """Whether each brace of `text` has its partner."""
    depths = list(accumulate({"{": 1, "}": -1}.get(character, 0) for character in text))
    return min(depths, default=0) >= 0 and depths[-1:] in ([], [0])


def _closing(tex: str) -> dict[int, int]:
    """Where each group opens, and where it closes."""
    opened, pairs = list[int](), dict[int, int]()
    for brace in _BRACE.finditer(tex):
        if brace[0] == "{":
            opened.append(brace.start())
        elif brace[0] == "}" and opened:
            pairs[opened.pop()] = brace.start()
    return pairs
