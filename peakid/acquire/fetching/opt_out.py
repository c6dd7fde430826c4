"""Whether a response says that its content must not be used to train models."""

from collections.abc import Mapping

_WORDS = frozenset({"noai", "noimageai"})


def reason(headers: Mapping[str, str]) -> str:
    """Return what opts out, '' if nothing does.

    Known are `X-Robots-Tag: noai` and `noimageai` (for all robots or with a name before them), and
    `TDM-Reservation: 1` of the TDM Reservation Protocol (W3C community group report, 2022).

    Args:
        headers: With lower-case names; several values of one name are joined by commas.
    """
    rules = headers.get("x-robots-tag", "").lower().replace(":", ",").split(",")
    if found := _WORDS & {rule.strip() for rule in rules}:
        return f"X-Robots-Tag: {min(found)}"
    if headers.get("tdm-reservation", "").split(",")[0].strip() == "1":
        return "TDM-Reservation: 1"
    return ""
