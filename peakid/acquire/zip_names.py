"""Decide how the names in a zip archive are read that are not marked as UTF-8."""

import itertools
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from peakid.import_records import ImportNote

UTF8_FLAG = 0x800  # Bit 11 of the general purpose flags, zip specification 4.4.4.
# Tried in this order; the first of those that fit best is used. cp437 is what the zip specification says
# (appendix D), cp850 and the others are what Windows and its languages write.
CODE_PAGES = (
    *("cp437", "cp850", "cp1252", "cp866", "cp1251", "cp852", "cp1250", "cp932", "gb18030", "big5", "cp949"),
    *("cp737", "cp1253", "cp857", "cp862", "cp720"),
)
UNICODE_PATH = 0x7075
SHOWN_NAMES, SHOWN_OTHERS = 3, 2


@dataclass(frozen=True)
class Names:
    """The names of all members, in their order, and a note if the encoding of some was guessed."""

    names: Sequence[str]
    notes: tuple[ImportNote, ...] = ()


def read(members: Sequence[zipfile.ZipInfo]) -> Names:
    """Return the names of an archive's members.

    Names that are not marked as UTF-8 are read as UTF-8 if all of them are valid, as Finder and Linux write
    them. Else they are read with the code page that gives words of one script, and are told in a note. A
    single one that is valid proves nothing: the Chinese for "Mount Tai" in GBK is valid UTF-8.
    """
    raw = {n: name for n, member in enumerate(members) if (name := _unmarked(member)) is not None}
    found = _code_pages(set(raw.values()))
    read_as = (
        {n: _decoded(name, found[0]) or name.decode("cp437") for n, name in raw.items()} if found else {}
    )
    names = [read_as.get(n) or _unicode_path(member) or member.filename for n, member in enumerate(members)]
    return Names(names, _notes(list(raw.values()), found) if found and found[0] != "utf-8" else ())


def _unmarked(member: zipfile.ZipInfo) -> bytes | None:
    """Return the bytes of a name that is neither ASCII nor marked as UTF-8."""
    if member.flag_bits & UTF8_FLAG or member.orig_filename.isascii() or _unicode_path(member):
        return None
    # zipfile decodes such names as cp437, which has a character for every byte.
    return member.orig_filename.encode("cp437").split(b"\0", 1)[0]


def _decoded(name: bytes, encoding: str) -> str | None:
    try:
        return name.decode(encoding)
    except UnicodeDecodeError:
        return None


def _unicode_path(member: zipfile.ZipInfo) -> str | None:
    """Return the name in the extra field 0x7075 of Info-ZIP, if it belongs to the name in the header."""
    extra = member.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and content[:1] == b"\1" and not member.flag_bits & UTF8_FLAG:
            is_current = content[1:5] == struct.pack("<I", zlib.crc32(member.orig_filename.encode("cp437")))
            return _decoded(content[5:], "utf-8") if is_current else None
    return None


def _code_pages(names: set[bytes]) -> list[str]:
    """Return the encodings that read all names with the fewest characters that names do not have."""
    if all(_decoded(name, "utf-8") is not None for name in names):
        return ["utf-8"] if names else []
    costs = {}
    for code_page in CODE_PAGES:
        texts = [_decoded(name, code_page) for name in sorted(names)]
        if None not in texts:
            costs[code_page] = sum(_cost(text, code_page) for text in texts if text is not None)
    return [code_page for code_page, cost in costs.items() if cost == min(costs.values())] or ["cp437"]


def _cost(text: str, code_page: str) -> float:
    """Count what a name hardly has: symbols, mixed scripts in a word, capitals inside words, rare signs."""
    cost = float(text.count("\\"))  # Half of a Japanese character, more often than a separator.
    for word in text.replace("/", " ").replace("_", " ").replace(".", " ").replace("-", " ").split():
        letters = [char for char in word if not char.isascii()]
        cost += sum(
            1 for char in letters if not unicodedata.category(char).startswith(("Ll", "Lu", "Lo", "Mn"))
        )
        cost += len({_script(char) for char in word if char.isalpha()} - {"CJK"}) > 1
        cost += sum(a.islower() and b.isupper() for a, b in itertools.pairwise(word))
        cost += sum(_is_rare(char, code_page) for char in letters)
        # Latin words have some letters without an accent; Russian ones read as Latin have not.
        cost += (
            len(letters) > 2
            and all(char.isalpha() and _script(char) == "LATIN" for char in letters)
            and (len(letters) == sum(char.isalpha() for char in word))
        )
    return cost


_KANA = ("HIRAGANA", "KATAKANA", "CJK")


def _script(char: str) -> str:
    script = unicodedata.name(char, "?").split(" ")[0]
    return "CJK" if script in _KANA else script


def _is_rare(char: str, code_page: str) -> float:
    """Return how unlikely a character is in a name: 0 for common ones, up to 1.

    East Asian encodings give nearly any two bytes a character; common ones have the low numbers of a set.
    """
    name = unicodedata.name(char, "")
    if name.startswith(("HALFWIDTH", "MASCULINE", "FEMININE", "BOX", "LATIN SMALL LETTER F WITH")):
        return 1
    if not name.startswith("CJK"):
        return 0
    lead, *trail = char.encode(code_page, "replace")
    common = {"cp932": (0x88, 0x97), "gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6)}.get(code_page)
    is_common = common is not None and common[0] <= lead <= common[1]
    is_gb2312 = code_page != "gb18030" or (len(trail) == 1 and trail[0] >= 0xA1)
    return 0 if is_common and is_gb2312 else 0.5


def _notes(raw: Sequence[bytes], code_pages: Sequence[str]) -> tuple[ImportNote, ...]:
    """Say how names were read, and how else they could be read if that is as likely."""
    examples = sorted(raw)[:: max(len(raw) // SHOWN_NAMES, 1)][:SHOWN_NAMES]
    readings = {page: [_decoded(name, page) or "?" for name in examples] for page in code_pages}
    read, *others = dict.fromkeys(", ".join(map(repr, texts)) for texts in readings.values())
    message = f"{len(raw):,} names in the archive do not say their encoding. Read as {code_pages[0]}: {read}."
    if others:
        message += f" As likely: {' or '.join(others[:SHOWN_OTHERS])}."
    remedy = "If they are wrong, create the archive again with UTF-8 names, or rename the classes."
    return (ImportNote("file_names", message, remedy, is_doubtful=True),)
