"""What the first pages need is imported once the server has started."""

import subprocess
import sys

CODE = """
import asyncio, sys, threading
from peakid.web.server import warm_up

async def serve():
    async with warm_up.lifespan(None):
        return [each for each in threading.enumerate() if each.name == "warm-up"]

assert "pandas" not in sys.modules
[thread] = asyncio.run(serve())
thread.join(60)
sys.exit(not {"pandas", *warm_up.MODULES} <= set(sys.modules))
"""


def test_the_imports_of_the_first_pages_are_made_after_the_start() -> None:
    assert subprocess.run([sys.executable, "-c", CODE], check=False).returncode == 0
