"""Which values of settings are possible. It reads neither the environment nor a file."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from peakid import hosts, store_urls

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1000


def fitting_password(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text and not MIN_PASSWORD_CHARS <= len(text) <= MAX_PASSWORD_CHARS:
        raise ValueError(f"it has {len(text):,} characters instead of {MIN_PASSWORD_CHARS} or more")
    if text and (not text.isprintable() or not text.strip()):
        raise ValueError("it has characters that cannot be printed, or spaces only")
    return value


def fitting_hosts(value: str) -> str:
    """Return a list of hosts if each can be one: an entry that cannot match would be ignored unnoticed."""
    for entry in entries(value):
        try:
            hosts.parse(entry)
        except ValueError as error:
            raise ValueError(f"{entry[:100]}: {error}") from error
    return value


def entries(value: str) -> list[str]:
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def folders_of(text: str) -> list[Path]:
    """Return the folders that a list separated by colons names."""
    return [Path(os.path.expanduser(entry)) for entry in text.split(os.pathsep) if entry.strip()]  # noqa: PTH111


def fitting_folders(value: str) -> str:
    """Return a list of folders if each can be one: one that is misread would allow too much or too little."""
    if value and not folders_of(value):
        raise ValueError("it names no folder")
    for folder in folders_of(value):
        if not folder.is_absolute():
            raise ValueError(f"{folder} does not start at the root of the disk")
    return value


def fitting_stores(value: str) -> str:
    """Return a list of addresses of image stores if each can be one."""
    store_urls.listed(value)
    return value


def fitting_endpoint(value: str) -> str:
    """Return the address of a server without a login: it is stored with each job."""
    found = urlsplit(value)
    if value and (found.scheme not in ("http", "https") or not found.hostname or found.username is not None):
        raise ValueError("it is not http://host:port or https://host without a login")
    return value
