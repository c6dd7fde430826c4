"""Work for a decoding process that follows orders in the file. A module of its own imports quickly."""

import ctypes
import os
import time
from pathlib import Path

from peakid.errors import WorkspaceNotWritable

kept: list[bytes] = []


def obey(order: bytes) -> str:
    """Stand in for a decoder: do what the order says."""
    what, _, more = order.decode().partition(" ")
    if what == "hang":
        time.sleep(60)
    elif what == "eat":
        held = [b"\1" * 2**20 for _ in range(int(more))]
        time.sleep(60)
        del held
    elif what == "take":
        n_mb, seconds = more.split()
        taken = b"\1" * (int(n_mb) * 2**20)
        time.sleep(float(seconds))
        del taken
    elif what == "keep":
        kept.append(b"\1" * (int(more) * 2**20))
    elif what == "crash":
        ctypes.string_at(0)
    elif what == "raise":
        raise WorkspaceNotWritable("The disk is full.", "Make room.")
    elif what == "once" and not Path(more).exists():  # Hangs the first time only.
        Path(more).touch()
        time.sleep(60)
    elif what == "wait":
        time.sleep(float(more))
    return f"{order.decode()} in {os.getpid()}"
