"""No address ends in a traceback: every page with hostile values for each parameter that it reads."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid.records import Snapshot

OPEN = Callable[..., AppTest]
# The parameters that each page reads.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "overview": (),
    "collect": (),
    "review": (*("queue", "after", "class", "split", "source", "issue", "tag", "added", "taken", "text"),),
    "duplicates": ("tab",),
    "classes": ("class",),
    "history": ("section", "by", "class", "before", "image"),
    "snapshots": ("snapshot", "section", "split", "class", "since", "kind"),
    "train": ("job", "row", "runs", "recipe", "set", "snapshot"),
    "evaluate": ("run", "split", "tab", "against", "given", "predicted", "after", "tta"),
    "models": ("export", "run"),
}
HOSTILE = {
    "superscript": "²",
    "Arabic digits": "٣",
    "23 digits": "9" * 23,
    "400 nines": "9" * 400,
    "5000 nines": "9" * 5000,
    "minus": "-1",
    "float": "1e999",
    "not a number": "NaN",
    "empty": "",
    "blank": "   ",
    "control": "a\x00b\x1b[31m\r\n",
    "right to left": "\u202egnp.exe",
    "markup": "<img src=x onerror=alert(1)> **b** [x](http://x.y) :red[z]",
    "quotes": "'\"; DROP TABLE image; --",
    "percent": "%00%F0%9F",
    "long": "x" * 20_000,
    "path": "../../../../etc/passwd",
    "list": "[[1, 2], null]~{}",
    "bool": "true",
}
OF_PARAMETER: dict[str, tuple[str, ...]] = {
    "queue": (
        *("nonsense", ":", "confusion:", "confusion:²:valid:a:b", f"confusion:{'9' * 400}:valid:river:sea"),
        *(f"confusion:{'9' * 23}:valid:river:sea", f"confusion:{'9' * 5000}:valid:river:sea"),
        *("confusion:1:²:a:b", "issue:", "issue:²", f"sample:{'9' * 5000}", "sample:²"),
        *("class:", "class:\x00", "worth:1", "recent:2", f"class:{'x' * 5000}"),
    ),
    "after": ("9" * 400, "9" * 23, "1e400", '"\\ud800"', f"0~{'9' * 400}", "0~0.5~1", "1~2~3", "[" * 900),
    "before": ("²", "9" * 23, "9" * 400, "9223372036854775808", "0", "-5", "1.5"),
    "image": ("f" * 400, "0" * 64, "g", "zz\x00", "²", "9" * 5000),
    "added": ("2026-13", "20x6", "²²²²"),
    "taken": ("2026-11-99", "٢٠٢٦"),
    "text": ("ab", '"', "*", "a AND b", 'x" OR "y'),
    "runs": ("1,1,1", ",", "1,²", ",".join(map(str, range(2000))), "9" * 400 + ",1"),
    "set": ("=", "batch_size", "batch_size=²", f"batch_size={'9' * 5000}", "lr=1e999", "phases=1"),
    "recipe": ("nonsense", "\x00"),
    "split": ("cv", "test"),
    "tta": ("yes", "maybe"),
}  # fmt: skip
FAST = ("9" * 23, "²\x00")


@pytest.mark.parametrize("page", [page for page, names in PARAMETERS.items() if names])
def test_hostile_values_of_every_parameter_open_the_page_with_a_sentence(
    page: str,
    frozen: Snapshot,
    add_run: Callable[..., int],
    open_page: OPEN,
    text_of: Callable[[AppTest], str],
) -> None:
    add_run(frozen)
    names = set(PARAMETERS[page]) - {"image"}  # With an image, the page shows nothing else.
    for value in FAST:
        app = open_page(page, **dict.fromkeys(names, value))
        assert not app.exception, (value[:30], app.exception[0].stack_trace)
        assert "in the address" in text_of(app), value[:30]


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("page", [page for page, names in PARAMETERS.items() if names])
def test_no_hostile_value_ends_in_a_traceback(
    page: str, frozen: Snapshot, add_run: Callable[..., int], open_page: OPEN
) -> None:
    add_run(frozen)
    add_run(frozen, n_wrong=2)
    together = [name for name in PARAMETERS[page] if name != "image"]
    alone = [(name, value) for name in PARAMETERS[page] for value in OF_PARAMETER.get(name, ())]
    queries = [dict.fromkeys(together, value) for value in HOSTILE.values()]
    queries += [{name: value} for name, value in alone]
    failed = [
        (name, value[:40], app.exception[0].message)
        for query in queries
        if (app := open_page(page, **query)).exception
        for name, value in [next(iter(query.items()))]
    ]
    assert not failed
