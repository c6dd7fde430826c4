"""Read peakid.toml, say which values of settings fit, and explain one that does not, wherever it is from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import TomlConfigSettingsSource

from peakid import documents, hosts, near_names, store_urls
from peakid.errors import BadInput

MAX_BYTES = 2**20
PATHS = ("workspace", "weights")
_KINDS = {int: "a whole number", float: "a number", str: "a text", SecretStr: "a text in quotes"}
_BOUNDS = {"ge": "at least", "gt": "over", "le": "at most", "lt": "under"}


class SettingsFile(TomlConfigSettingsSource):
    """peakid.toml, with an error for a file that cannot be read and for a key that no setting has."""

    def _read_files(self, files: Any, deep_merge: bool = False) -> dict[str, Any]:
        file = Path(files)
        try:
            return dict(documents.read_toml(file, limit=MAX_BYTES))
        except FileNotFoundError:
            return {}
        except documents.UnreadableDocument as error:
            raise BadInput(
                f"The settings in {file} cannot be read: {error}.",
                "Write one `key = value` per line, or remove the file.",
            ) from error

    def __call__(self) -> dict[str, Any]:
        """Return the values by key. A relative path starts at the folder of the file.

        Raises:
            BadInput: If a key or a value cannot be one of a setting.
        """
        known, file = self.settings_cls.model_fields, self.toml_file_path
        for key, value in self.toml_data.items():
            if key not in known:
                raise BadInput(
                    f"There is no setting {documents.shown(key)!r} in {file}.",
                    near_names.remedy(key, known, f"Known are: {', '.join(known)}."),
                )
            if isinstance(value, bool):  # Python counts it as the number 0 or 1.
                reason = "it is neither a text nor a number"
                raise _misfit(f"{file}: {key}", str(value).lower(), reason, known[key])
        values, folder = super().__call__(), Path(str(file)).parent
        paths = {name: values[name] for name in PATHS if isinstance(values.get(name), str)}
        return {**values, **{name: folder / path for name, path in paths.items()}}


def explained(
    error: ValidationError, fields: Mapping[str, FieldInfo], file: object, environment: Mapping[str, str]
) -> BadInput:
    """Return the error for the first value that does not fit, with the name of the file or the variable."""
    problem = documents.first_problem(error)
    is_hidden = fields[problem.key].annotation is SecretStr or "@" in str(problem.value)  # A login in a URL.
    value = "(not shown)" if is_hidden else problem.value
    variable = f"PEAKID_{problem.key.upper()}"
    is_variable = variable in {name.upper() for name in environment}
    return _misfit(
        variable if is_variable else f"{file}: {problem.key}",
        value,
        problem.reason.removeprefix("value error, "),
        fields[problem.key],
    )


def plain_text(value: str | Path | None) -> str | Path | None:
    """Return a text or path, if a terminal and a file system can take it.

    Raises:
        ValueError: If it has control characters.
    """
    if value is not None and not str(value).isprintable():
        raise ValueError("it has characters that cannot be printed")
    return value


def _misfit(place: str, value: str, reason: str, field: FieldInfo) -> BadInput:
    kind = next((text for each, text in _KINDS.items() if field.annotation is each), "a path")
    if get_origin(field.annotation) is Literal:
        kind = f"one of {', '.join(map(str, get_args(field.annotation)))}"
    bounds = [
        f"{word} {getattr(part, name)}"
        for part in field.metadata
        for name, word in _BOUNDS.items()
        if hasattr(part, name)
    ]
    has_default = field.default not in ("", None, SecretStr(""))
    default = f"; the default is {field.default}" if has_default else ""
    return BadInput(
        f"{place} = {value} does not fit: {reason}.",
        f"Give {' '.join([kind, ' and '.join(bounds)]).strip()}{default}.",
    )


def version(file: Path, environment: Mapping[str, str]) -> tuple[object, ...]:
    """Return what settings are read from, equal as long as neither the environment nor the file changes."""
    own = tuple(sorted(item for item in environment.items() if item[0].upper().startswith("PEAKID_")))
    try:
        found = file.stat()
    except OSError:
        return own, file
    return own, file, found.st_ino, found.st_mtime_ns, found.st_size


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
