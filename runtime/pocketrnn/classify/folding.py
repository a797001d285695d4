"""Fold a text as people type it into words, spaces, and the marks that carry feeling.

The first half of the definition of `TextConfig(fold=True)`: `text.py` then splits what is left.
A model is exact only as long as nothing here changes, so all characters are listed; nothing hangs
on the version of Unicode that Python knows. In this order:

1. HTML entities become what they stand for, or a space.
2. Of what isn't ASCII, punctuation, symbols and spaces become a space, apostrophes and full-width
   forms their ASCII, and invisible characters and skin tones vanish. The rest is composed (NFC).
3. Emoji, and the characters of scripts without spaces, become words of their own.
4. An address (a@b.cd), a link and a @name become a sign each, an emoticon the emoji that it stands
   for. HTML tags, and apostrophes that aren't within a word, become a space. `!` and `?` are words,
   of which two are left in a row.
5. In each word, what is there three times or more in a row is left twice; a word with five digits
   in a row becomes the sign of a number: `canonical`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

MAIL, LINK, NAME, NUMBER = "\U0001f4e7", "\U0001f517", "\U0001f464", "\U0001f522"

# Categories P, S, Z and Cc of Unicode 14 but for what is listed below, and with code points between
# two of these that had no character yet.
_SEPARATORS = """
80-A9 AB-B1 B6-B8 BB BF D7 F7 2C2-2C5 2D2-2DF 2E5-2EB 2ED 2EF-2FF 375 37E 384-385 387 3F6 482
55A-55F 589-58F 5BE 5C0 5C3 5C6 5F3-5F4 606-60F 61B-61F 66A-66D 6D4 6DE 6E9 6FD-6FE 700-70D
7F6-7F9 7FE-7FF 830-83E 85E 888 964-965 970 9F2-9F3 9FA-9FB 9FD A76 AF0-AF1 B70 BF3-BFA C77 C7F
C84 D4F D79 DF4 E3F E4F E5A-E5B F01-F17 F1A-F1F F34 F36 F38 F3A-F3D F85 FBE-FC5 FC7-FDA
104A-104F 109E-109F 10FB 1360-1368 1390-1399 1400 166D-166E 1680 169B-169C 16EB-16ED 1735-1736
17D4-17D6 17D8-17DB 1800-180A 1940-1945 19DE-19FF 1A1E-1A1F 1AA0-1AA6 1AA8-1AAD 1B5A-1B6A
1B74-1B7E 1BFC-1BFF 1C3B-1C3F 1C7E-1C7F 1CC0-1CC7 1CD3 1FBD 1FBF-1FC1 1FCD-1FCF 1FDD-1FDF
1FED-1FEF 1FFD-205F 207A-207E 208A-208E 20A0-20C0 2100-2101 2103-2106 2108-2109 2114 2116-2118
211E-2123 2125 2127 2129 212E 213A-213B 2140-2144 214A-214D 214F 218A-244A 249C-24E9 2500-25FF
275B-2760 2768-2775 27C0-2B04 2B56-2BFF 2CE5-2CEA 2CF9-2CFC 2CFE-2CFF 2D70 2E00-2E2E 2E30-3004
3008-3020 3030 3036-3037 303D-303F 309B-309C 30A0 30FB 3190-3191 3196-319F 31C0-31E3 3200-321E
322A-3247 3250 3260-327F 328A-32B0 32C0-33FF 4DC0-4DFF A490-A4C6 A4FE-A4FF A60D-A60F A673 A67E
A6F2-A716 A720-A721 A789-A78A A828-A82B A836-A839 A874-A877 A8CE-A8CF A8F8-A8FA A8FC A92E-A92F
A95F A9C1-A9CD A9DE-A9DF AA5C-AA5F AA77-AA79 AADE-AADF AAF0-AAF1 AB5B AB6A-AB6B ABEB FB29
FBB2-FBC2 FD3E-FD4F FDCF FDFC-FE19 FE30-FE6B FF5F-FF65 FFE0-FFEE FFFC-FFFD 10100-10102
10137-1013F 10179-10189 1018C-101FC 1039F 103D0 1056F 10857 10877-10878 1091F 1093F 10A50-10A58
10A7F 10AC8 10AF0-10AF6 10B39-10B3F 10B99-10B9C 10EAD 10F55-10F59 10F86-10F89 11047-1104D
110BB-110BC 110BE-110C1 11140-11143 11174-11175 111C5-111C8 111CD 111DB 111DD-111DF 11238-1123D
112A9 1144B-1144F 1145A-1145D 114C6 115C1-115D7 11641-11643 11660-1166C 116B9 1173C-1173F 1183B
11944-11946 119E2 11A3F-11A46 11A9A-11A9C 11A9E-11AA2 11C41-11C45 11C70-11C71 11EF7-11EF8
11FD5-11FFF 12470-12474 12FF1-12FF2 16A6E-16A6F 16AF5 16B37-16B3F 16B44-16B45 16E97-16E9A 16FE2
1BC9C 1BC9F 1CF50-1D164 1D16A-1D16C 1D183-1D184 1D18C-1D1A9 1D1AE-1D241 1D245 1D300-1D356 1D6C1
1D6DB 1D6FB 1D715 1D735 1D74F 1D76F 1D789 1D7A9 1D7C3 1D800-1D9FF 1DA37-1DA3A 1DA6D-1DA74
1DA76-1DA83 1DA85-1DA8B 1E14F 1E2FF 1E95E-1E95F 1ECAC 1ECB0 1ED2E 1EEF0-1EEF1 1FB00-1FBCA
"""
_DROPPED = "AD 61C 180E 200B-200F 202A-202E 2060-206F 20E3 FE00-FE0F FEFF 1F3FB-1F3FF E0000-E007F"
_APOSTROPHES = "B4 2BC 2018-2019 201B 2032"

# Emoji; Thai and Lao, Myanmar, Khmer, kana and Han, Hangul.
_SINGLE = """
2600-275A 2761-2767 2776-27BF 2B05-2B55 1F000-1FAFF
E00-EFF 1000-109F A9E0-A9FE AA60-AA7F 1780-17FF
2E80-2FDF 3005-3007 3021-312F 31F0-31FF 3400-4DBF 4E00-9FFF F900-FAFF FF66-FF9F 1B000-1B16F
20000-3FFFF AC00-D7A3
"""


def _ranges(text: str) -> Iterator[tuple[int, int]]:
    for part in text.split():
        first, _, last = part.partition("-")
        yield int(first, 16), int(last or first, 16)


def _codes(text: str) -> Iterator[int]:
    for first, last in _ranges(text):
        yield from range(first, last + 1)


TABLE: dict[int, str | None] = {
    **dict.fromkeys(_codes(_SEPARATORS), " "),
    **dict.fromkeys(_codes(_DROPPED)),
    **dict.fromkeys(_codes(_APOSTROPHES), "'"),
    **{code: chr(code - 0xFEE0) for code in _codes("FF01-FF5E")},
    0x203C: "!!",
    0x2047: "??",
    0x2048: "?!",
    0x2049: "!?",
}
"""What becomes of characters beyond ASCII, for `str.translate`."""

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITIES |= dict.fromkeys(
    ["&apos;", "&lsquo;", "&rsquo;", "&#39;", "&#039;", "&#x27;", "&#8217;"], "'"
)

# Eyes, perhaps a nose, and a mouth, which decides.
_FACES = dict.fromkeys(")]}", "\U0001f642") | dict.fromkeys("([{", "\U0001f641")
_FACES |= dict.fromkeys("/\\", "\U0001f615") | {"|": "\U0001f610", "*": "\U0001f618"}
_FACES |= {"d": "\U0001f600", "p": "\U0001f61b", "o": "\U0001f62e"}


def _word(also: str = "") -> str:
    """Return the class of what words are made of after step 3, and of other ASCII `also`.

    By what isn't in it: `re` takes 5 ms for each class that ends beyond ASCII.
    """
    others = (chr(code) for code in range(128))
    return f"[^{re.escape(''.join(c for c in others if not (c.isalnum() or c in also)))}]"


_W = _word()
_MOUTHS = (
    rf"(?:['^-]?[)\]}}(\[{{/\\|*]+(?!{_word('/')})|(?<!{_W}.)['^-]?[dpoDPO](?!{_word(chr(39))}))"
)

_ENTITY = re.compile("&#?[0-9A-Za-z]{1,31};")
_FOREIGN = re.compile(r"[A-Za-z]?[^\x00-\x7f]+")
_ALONE = re.compile(f"[{''.join(f'{chr(a)}-{chr(b)}' for a, b in _ranges(_SINGLE))}]")
_MAIL = re.compile(rf"(?<!{_word('.+_-')}){_word('.+_-')}+@{_word('.-')}*{_W}")
# Each choice begins with a character of its own: so `re` skips to these, ten times as fast.
_MARK = re.compile(
    rf"!!*|\?\?*|https?://[^ <]+|www\.(?<!{_W}....)[^ <]+|</?[A-Za-z][^<>]*>"
    rf"|<3(?!{_word(chr(39))})|@{_word('_')}+'?|'(?!{_W})|'(?<!{_W}.)|:{_MOUTHS}|;{_MOUTHS}|={_MOUTHS}"
)
_RUN = re.compile(r"([^0-9])\1\1+")
_LONG_NUMBER = re.compile("[0-9]{5}")


def _mark(match: re.Match[str]) -> str:
    found = match.group()
    first = found[0]
    if first in "!?":
        return f" {first} " * min(len(found), 2)
    if first in ":;=":
        return f" {_FACES[found[-1].lower()]} "
    if found == "<3":
        return " \u2764 "
    return {"@": f" {NAME} ", "h": f" {LINK} ", "w": f" {LINK} "}.get(first, " ")


STEPS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_ENTITY, lambda match: _ENTITIES.get(match[0], " ")),
    (_FOREIGN, lambda match: unicodedata.normalize("NFC", match[0].translate(TABLE))),
    (_ALONE, lambda match: f" {match[0]} "),
    (_MAIL, lambda _: f" {MAIL} "),
    (_MARK, _mark),
)
"""What is replaced, and by what, in this order."""


def fold(text: str) -> str:
    """Return `text` after all STEPS; without those that would find nothing."""
    text = _ENTITY.sub(STEPS[0][1], text)
    if not text.isascii():
        text = _ALONE.sub(STEPS[2][1], _FOREIGN.sub(STEPS[1][1], text))
    if "@" in text:
        text = _MAIL.sub(STEPS[3][1], text)
    return _MARK.sub(_mark, text)


@lru_cache(1 << 16)
def canonical(word: str) -> str:
    """Return the form of a word that a vocabulary has."""
    return NUMBER if _LONG_NUMBER.search(word) else _RUN.sub(r"\1\1", word)


def is_canonical(words: str) -> bool:
    """Tell whether all words of a text are as `canonical` has them; at once, so faster."""
    return not (_LONG_NUMBER.search(words) or _RUN.search(words))


def trace(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return `fold(text)`, and for each of its characters where it is from: start and end."""
    places = [(i, i + 1) for i in range(len(text))]
    for pattern, replacement in STEPS:
        parts: list[str] = []
        found: list[tuple[int, int]] = []
        at = 0
        for match in pattern.finditer(text):
            start, end = match.span()
            new = replacement(match)
            own = [(places[start][0], places[end - 1][1])] * len(new)
            if pattern is _FOREIGN:
                pairs = zip(places[start:end], match.group(), strict=True)
                each = [place for place, c in pairs for _ in c.translate(TABLE)]
                own = each if len(each) == len(new) else own  # NFC has joined some
            parts += [text[at:start], new]
            found += [*places[at:start], *own]
            at = end
        text, places = "".join([*parts, text[at:]]), found + places[at:]
    return text, places
