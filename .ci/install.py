"""Install requirements into the environment of the Python that runs this: with uv, or with pip.

uv unpacks in parallel and compiles nothing ahead of time: that takes a third of the time. It gets the
indexes that pip is configured with. If pip has an option that uv is not known to have, or uv fails, pip
installs.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

UV = "uv==0.13.9"
FOLDER = ".uv-"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
# Options of pip by name: the option of uv that says the same, for each value.
SAME = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "constraint": "--constraints",
    "trusted-host": "--allow-insecure-host",
}
VARIABLES = {"cert": "SSL_CERT_FILE", "timeout": "UV_HTTP_TIMEOUT", "default-timeout": "UV_HTTP_TIMEOUT"}
# They change what pip prints or keeps, not what it installs.
WITHOUT_EFFECT = {
    *(
        "disable-pip-version-check",
        "no-input",
        "quiet",
        "verbose",
        "no-color",
        "progress-bar",
        "root-user-action",
    ),
    *("cache-dir", "no-cache-dir", "retries", "compile", "no-compile", "prefer-binary", "require-virtualenv"),
    *("break-system-packages", "no-warn-script-location"),
}


def configured(listed: str) -> dict[str, list[str]]:
    """Return the values by option that `pip config list` prints; the environment overrides the files.

    >>> configured("global.find-links='/a /b'\\n:env:.cert='/c.pem'")
    {'find-links': ['/a', '/b'], 'cert': ['/c.pem']}
    """
    found: dict[str, list[str]] = {}
    lines = [line.partition("=") for line in listed.splitlines() if "=" in line]
    for section in ("global", "install", ":env:"):
        for key, _, value in lines:
            if key.startswith(f"{section}."):
                [text] = shlex.split(value)
                found[key.removeprefix(f"{section}.")] = text.replace("\\n", " ").split()
    return found


def for_uv(options: dict[str, list[str]]) -> tuple[list[str], dict[str, str]] | None:
    """Return arguments and environment variables with which uv does the same; None where that is not known.

    >>> for_uv({"extra-index-url": ["file:///a"], "timeout": ["60"], "quiet": ["1"]})
    (['--index', 'file:///a'], {'UV_HTTP_TIMEOUT': '60'})
    >>> for_uv({"proxy": ["http://localhost:3128"]})
    """
    if options.keys() - SAME.keys() - VARIABLES.keys() - WITHOUT_EFFECT:
        return None
    arguments = [
        each for name, values in options.items() if name in SAME for v in values for each in (SAME[name], v)
    ]
    return arguments, {VARIABLES[name]: values[0] for name, values in options.items() if name in VARIABLES}


def with_uv(what: Sequence[str]) -> bool:
    """Install with uv; return whether it did. uv and its cache lie in the environment, and are removed."""
    listed = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=False)
    same = for_uv(configured(listed.stdout)) if listed.returncode == 0 else None
    if same is None:
        return False
    for left in Path(sys.prefix).glob(f"{FOLDER}*"):  # By an installation that was ended.
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=FOLDER, dir=sys.prefix) as folder:
        got = [*PIP, "install", "--quiet", "--no-compile", "--target", folder, UV]
        if subprocess.run(got, stderr=subprocess.DEVNULL, check=False).returncode:
            return False
        program = shutil.which("uv", path=str(Path(folder) / "bin"))
        if program is None:
            return False
        # The cache is on the same disk as the environment: files are linked, not copied.
        command = [program, "pip", "install", "--python", sys.executable, "--cache-dir", f"{folder}/cache"]
        # As pip does, take the best version of all indexes.
        command += ["--index-strategy", "unsafe-best-match", "--link-mode", "hardlink", *same[0], *what]
        return subprocess.run(command, env=os.environ | same[1], check=False).returncode == 0


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", help="requirements files")
    files = parser.parse_args(arguments).files
    what = [each for file in files for each in ("-r", file)]
    if not with_uv([*what, "--editable", "."]):
        print("pip installs, which takes a few minutes.", flush=True)
        subprocess.run([*PIP, "install", *what], check=True)
        subprocess.run([*PIP, "install", "--quiet", "--no-deps", "--editable", "."], check=True)


if __name__ == "__main__":
    main()
