"""Decode the text of a table, which may come from any spreadsheet on any system."""

_BOMS = (
    (b"\xff\xfe\0\0", "utf-32"),  # Before UTF-16, whose mark it begins with.
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
_SAMPLE_BYTES = 4000
_MIN_ZERO_SHARE = 0.4  # Of every second byte; UTF-16 of Latin text has a zero in nearly all.
UNDECODED = "\ufffd"


def decoded(data: bytes) -> str:
    r"""Return the text with `\n` as line end. What cannot be decoded becomes U+FFFD."""
    text = data.decode(_encoding(data), errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(data: bytes) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    sample = data[:_SAMPLE_BYTES]
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        every_second = sample[first::2]
        if every_second and every_second.count(0) >= _MIN_ZERO_SHARE * len(every_second):
            return name
    text = data.decode("utf-8", errors="replace")
    n_undecoded = text.count(UNDECODED)
    # One damaged byte must not turn the other rows of a UTF-8 file into wrong characters.
    if not n_undecoded or sum(ord(character) > 127 for character in text) > 2 * n_undecoded:
        return "utf-8"
    is_of_old_mac = b"\r" in data and b"\n" not in data  # Excel's "CSV (Macintosh)".
    return "mac_roman" if is_of_old_mac else "cp1252"
