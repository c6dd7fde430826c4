"""Print the schema that all migrations produce: `python -m peakid.cli.schema > db/schema.sql`."""

import tempfile
from pathlib import Path

from peakid.store import workspace

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(workspace.schema_sql(workspace.create(Path(folder))), end="")
