"""`python -m peakid` is the `peakid` command."""

from peakid.cli.main import main

main()
