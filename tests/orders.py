"""What a decoding process does when a file tells it to: imported there, so it loads nothing that takes time."""

import ctypes
import os
import time
from pathlib import Path

from peakid.errors import WorkspaceNotWritable


def obey(order: bytes) -> str:
    """Stand in for a decoder."""
    what, _, more = order.decode().partition(" ")
    if what == "hang":
        time.sleep(60)
    elif what == "eat":
        held = [b"\1" * 2**20 for _ in range(int(more))]
        time.sleep(60)
        del held
    elif what == "crash":
        ctypes.string_at(0)
    elif what == "raise":
        raise WorkspaceNotWritable("The disk is full.", "Make room.")
    elif what == "once" and not Path(more).exists():  # Hangs the first time only, as under a moment of load.
        Path(more).touch()
        time.sleep(60)
    elif what == "wait":
        time.sleep(float(more))
    return f"{order.decode()} in {os.getpid()}"
