"""Backups that somebody has prepared: each kind changes one thing in a good backup of a small workspace."""

import functools
import hashlib
import io
import json
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Members = dict[str, bytes]
MANIFEST, DATABASE, FORGOTTEN = "peakid-backup.json", "peakid.db", "forgotten.txt"
AT = "2026-01-01T00:00:00.000Z"
Outcome = Literal[
    "refused",   # One line, and nothing is written.
    "restored",  # What is sound is restored; the rest is named, and nothing outside is touched.
]  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One kind of hostile backup. `outside` is a folder that it tries to reach, with a file `marker`."""

    name: str
    write: Callable[[Path, Members, Path], None]
    outcome: Outcome = "refused"


@dataclass
class _Kinds:
    found: list[Kind] = field(default_factory=list)

    def sql(self, name: str, *statements: str, outcome: Outcome = "refused") -> None:
        """Add a kind that runs statements on the database. `{outside}` is the folder outside."""

        def write(target: Path, members: Members, outside: Path) -> None:
            values = {"{outside}": str(outside), "{path64}": path_of_64(outside)}
            text = [functools.reduce(lambda t, v: t.replace(*v), values.items(), each) for each in statements]
            members[DATABASE] = changed(members[DATABASE], target.with_suffix(".db"), text)
            put(target, members)

        self.found.append(Kind(name, write, outcome))

    def members(self, name: str, change: Callable[[Members], None], outcome: Outcome = "refused") -> None:
        def write(target: Path, members: Members, outside: Path) -> None:
            change(members)
            put(target, members)

        self.found.append(Kind(name, write, outcome))

    def raw(self, name: str, change: Callable[[bytes], bytes]) -> None:
        def write(target: Path, members: Members, outside: Path) -> None:
            put(target, members)
            target.write_bytes(change(target.read_bytes()))

        self.found.append(Kind(name, write))

    def entry(self, name: str, info: Callable[[Path], zipfile.ZipInfo], data: bytes = b"x") -> None:
        """Add a kind with one more entry in the archive."""

        def write(target: Path, members: Members, outside: Path) -> None:
            put(target, members)
            with zipfile.ZipFile(target, "a") as archive:
                archive.writestr(info(outside), data)

        self.found.append(Kind(name, write))


def path_of_64(outside: Path) -> str:
    """Return an absolute path of 64 characters to the marker, as long as a digest."""
    start, end = str(outside), "/marker"
    return start + "/" * (64 - len(start) - len(end)) + end


def changed(database: bytes, scratch: Path, statements: list[str]) -> bytes:
    """Run statements on a database without any of its checks, and return its bytes."""
    scratch.write_bytes(database)
    connection = sqlite3.connect(scratch, isolation_level=None)
    for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON", "writable_schema = ON"):
        connection.execute(f"PRAGMA {pragma}")
    for statement in statements:
        connection.execute(statement)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = scratch.read_bytes()
    for path in scratch.parent.glob(f"{scratch.name}*"):
        path.unlink()
    return data


def read(file: Path) -> Members:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put(target: Path, members: Members) -> None:
    """Write members to an archive, with the checksum of the database as it is now."""
    if (
        DATABASE in members
        and MANIFEST in members
        and members[MANIFEST].startswith(b"{")
        and b"database_sha256" in members[MANIFEST]
    ):
        manifest = json.loads(members[MANIFEST])
        if manifest["database_sha256"] != "wrong":
            manifest["database_sha256"] = hashlib.sha256(members[DATABASE]).hexdigest()
        members[MANIFEST] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def _manifest(**values: object) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        manifest = json.loads(members[MANIFEST]) | values
        kept = {key: value for key, value in manifest.items() if value is not None}
        members[MANIFEST] = json.dumps(kept).encode()

    return change


def _named(name: str, kind: int = 0) -> Callable[[Path], zipfile.ZipInfo]:
    def info(outside: Path) -> zipfile.ZipInfo:
        made = zipfile.ZipInfo(name.format(outside=outside))
        made.external_attr = (kind | 0o644) << 16
        return made

    return info


def _overlapping(data: bytes) -> bytes:
    """Return an archive whose directory lists the largest entry two thousand times under other names."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos, start = archive.infolist(), archive.start_dir
    largest = max(infos, key=lambda info: info.compress_size)
    entry = _directory_entry(data, start, largest.filename.encode())
    added = b"".join(
        entry[:28] + struct.pack("<H", 12) + entry[30:46] + f"logs/{n:07}".encode() for n in range(2000)
    )
    directory, end = data[start:-22], bytearray(data[-22:])
    struct.pack_into("<HHII", end, 8, len(infos) + 2000, len(infos) + 2000, len(directory + added), start)
    return data[:start] + directory + added + bytes(end)


def _directory_entry(data: bytes, start: int, name: bytes) -> bytes:
    at = data.index(name, start) - 46
    return data[at : at + 46 + len(name)]


def _null_name(data: bytes) -> bytes:
    """Put a NUL character into the name of an image: readers in C would see another name."""
    return data.replace(b"images/", b"images\0")


def _encrypted(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.start_dir
    at = data.index(DATABASE.encode(), start) - 46
    return data[: at + 8] + b"\x01" + data[at + 9 :]


def _declared(name: str, size: int) -> Callable[[Path, Members, Path], None]:
    """Return a writer of a small entry that says it unpacks to `size` bytes."""

    def write(target: Path, members: Members, outside: Path) -> None:
        put(target, {**members, name: b"0" * 99})
        data = bytearray(target.read_bytes())
        with zipfile.ZipFile(target) as archive:
            at = data.index(name.encode(), archive.start_dir) - 46
        struct.pack_into("<I", data, at + 24, size)
        target.write_bytes(data)

    return write


def _write_twice(target: Path, members: Members, outside: Path) -> None:
    put(target, members)
    image = next(name for name in members if name.startswith("images/"))
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(image, b"other bytes")


def _page(members: Members) -> None:
    """Zero the page with the decisions."""
    data = bytearray(members[DATABASE])
    data[4096 * 20 : 4096 * 24] = bytes(4096 * 4)
    members[DATABASE] = bytes(data)


def _first_image(members: Members) -> str:
    return next(name for name in members if name.startswith("images/"))


def _rot(members: Members) -> None:
    name = _first_image(members)
    members[name] = members[name][:-1] + b"!"


def _uppercase(members: Members) -> None:
    name = _first_image(members)
    members["images/AB/" + name[-64:].upper()] = members.pop(name)


def _file_and_folder(members: Members) -> None:
    members["exports/a"] = b"x"
    members["exports/a/b"] = b"x"


def kinds() -> list[Kind]:
    """Return every kind of hostile backup."""
    all_ = _Kinds()
    _add_digests(all_)
    _add_schema(all_)
    _add_places(all_)
    _add_rows(all_)
    _add_entries(all_)
    _add_files(all_)
    return all_.found


def _add_digests(all_: _Kinds) -> None:
    tombstone = "INSERT INTO tombstone (digest, actor, forgotten_at) VALUES ({}, 'x', '" + AT + "')"
    all_.sql("tombstone: an absolute path", tombstone.format("'{path64}'"))
    all_.sql("tombstone: a path upwards", tombstone.format("'" + "../" * 20 + "etc/'"))
    all_.sql("tombstone: upper case", tombstone.format("'" + "A" * 64 + "'"))
    all_.sql(
        "tombstone: NUL and a path", tombstone.format("'" + "a" * 64 + "' || char(0) || '{outside}/marker'")
    )
    all_.sql("tombstone: bytes", tombstone.format("CAST(x'" + "ff" * 64 + "' AS TEXT)"))
    all_.sql("image: an absolute path", "UPDATE image SET digest = '{path64}' WHERE id = 1")
    all_.sql("image: NUL", "UPDATE image SET digest = digest || char(0) || '/../../x' WHERE id = 1")
    all_.sql("snapshot: a path upwards", "UPDATE snapshot SET digest = '" + "../" * 20 + "etc/'")


def _add_schema(all_: _Kinds) -> None:
    all_.sql(
        "a trigger that deletes",
        "CREATE TRIGGER x AFTER UPDATE ON root BEGIN DELETE FROM image_state; END",
    )
    all_.sql(
        "a trigger on the identity",
        "CREATE TRIGGER x AFTER INSERT ON workspace_identity BEGIN UPDATE root SET is_foreign = 0; END",
    )
    all_.sql(
        "a trigger on the list of migrations",
        "CREATE TRIGGER x AFTER INSERT ON _sqlite_migrations BEGIN DELETE FROM image_state; END",
    )
    all_.sql("a foreign table", "CREATE TABLE x (a TEXT)")
    all_.sql("a foreign view", "CREATE VIEW x AS SELECT 1")
    all_.sql("a foreign index", "CREATE INDEX x ON image(length(digest))")
    all_.sql("a foreign virtual table", "CREATE VIRTUAL TABLE x USING fts5(a)")
    all_.sql("a trigger of ours is gone", "DROP TRIGGER decision_is_never_deleted")
    all_.sql(
        "a trigger of ours does something else",
        "DROP TRIGGER image_gets_a_state",
        "CREATE TRIGGER image_gets_a_state AFTER INSERT ON image BEGIN DELETE FROM image_state; END",
    )
    all_.sql(
        "a table without its CHECK",
        "UPDATE sqlite_master SET sql = replace(sql, ' CHECK (length(digest) = 64)', '')"
        " WHERE name = 'tombstone'",
    )
    all_.sql(
        "two tables on one page",
        "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'class')"
        " WHERE name = 'image_note'",
    )
    all_.sql("no list of migrations", "DROP TABLE _sqlite_migrations")
    all_.sql("a migration left out", "DELETE FROM _sqlite_migrations WHERE name LIKE '0007%'")
    all_.sql(
        "a newer version",
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('peakid', '9999_x', '')",
    )


def _add_places(all_: _Kinds) -> None:
    root = "INSERT INTO root (id, path, is_in_place, created_at) VALUES (90, %s, 1, '" + AT + "')"
    origin = (
        "INSERT INTO origin (image_id, acquisition_id, source, root_id, path, created_at)"
        " VALUES (1, 1, 'folder', 90, %s, '" + AT + "')"
    )
    export = (
        "INSERT INTO export (run_id, path, files, parity, created_at) VALUES (1, %s, %s, '{}', '" + AT + "')"
    )
    all_.sql("run: a path upwards", "UPDATE run SET path = '../../x'")
    all_.sql("run: an absolute path", "UPDATE run SET path = '{outside}'")
    all_.sql("export: a path upwards", export % ("'exports/../../x'", "'[]'"))
    all_.sql("export: a file upwards", export % ("'exports/a'", '\'[{"name": "../../marker"}]\''))
    all_.sql("export: an absolute file", export % ("'exports/a'", '\'[{"name": "/etc/passwd"}]\''))
    all_.sql(
        "export: an absolute folder",
        export % ("'{outside}'", '\'[{"name": "marker", "bytes": 1}]\''),
        outcome="restored",
    )
    pulled = (
        "INSERT INTO pulled_model (endpoint, repository, revision, url, path, files, class_names,"
        " n_golden, golden_difference, actor, pulled_at)"
        " VALUES ('', 'a/b', '', '', %s, %s, '[]', 0, 0.0, '', '" + AT + "')"
    )
    all_.sql("pulled model: a path upwards", pulled % ("'exports/../../x'", "'[]'"))
    all_.sql("pulled model: an absolute path", pulled % ("'{outside}'", "'[]'"))
    all_.sql("pulled model: a file upwards", pulled % ("'exports/a'", '\'[{"name": "../../marker"}]\''))
    all_.sql("pulled model: a file without a checksum", pulled % ("'exports/a'", '\'[{"name": "a"}]\''))
    all_.sql("root: a relative path", root % ("'../..'"))
    all_.sql("root: a path upwards", root % ("'{outside}/../..'"))
    all_.sql("root: NUL", root % ("'{outside}' || char(0)"))
    all_.sql("root: the whole disk", root % ("'/'"), outcome="restored")
    in_place = root % ("'{outside}'")
    all_.sql("origin: a path upwards", in_place, origin % ("'../outside/marker'"))
    all_.sql("origin: an absolute path", in_place, origin % ("'{outside}/marker'"))
    all_.sql("origin: a file outside", in_place, origin % ("'marker'"), outcome="restored")


def _add_rows(all_: _Kinds) -> None:
    job = (
        "INSERT INTO job (request_id, kind, lane, state, arguments, actor, created_at, started_at, pid,"
        " pid_started_at, boot_id, owner, is_cancel_requested) VALUES ('x', %s, 'cpu', %s, %s, 'x', '"
        + AT
        + "', '"
        + AT
        + "', 1, 0.0, '', (SELECT identity FROM workspace_identity), 1)"
    )
    arguments = '\'{"path": "{outside}", "source": "folder"}\''
    all_.sql("job: process 1 runs", job % ("'verify'", "'running'", "'{}'"), outcome="restored")
    all_.sql("job: an import waits", job % ("'import'", "'queued'", arguments), outcome="restored")
    all_.sql("job: of no known kind", job % ("'../x'", "'failed'", "'{}'"), outcome="restored")
    all_.sql("job: actions of another shape", "UPDATE job SET actions = '5'", job % ("'x'", "'lost'", "'[]'"))
    all_.sql("a row that refers to nothing", "UPDATE image_state SET class_id = 999 WHERE image_id = 1")
    all_.sql("a value that a CHECK forbids", "UPDATE root SET is_in_place = 7")
    all_.sql("a text that is not UTF-8", "UPDATE class SET name = CAST(x'c328' AS TEXT) WHERE id = 1")
    all_.sql("a document too deep", "UPDATE run SET recipe = '" + "[" * 1500 + "]" * 1500 + "'")
    all_.sql("a document of another shape", "UPDATE run SET recipe = '[1, 2]'")
    all_.sql("a warning of another shape", "UPDATE run SET warnings = '[5]'")
    all_.sql("a time that is none", "UPDATE run SET created_at = 'yesterday'")
    all_.sql("two identities", "DELETE FROM workspace_identity", outcome="restored")


def _add_entries(all_: _Kinds) -> None:
    for name in ("../marker", "images/../../marker", "{outside}/marker", "images\\..\\marker", "C:/marker"):
        all_.entry(f"entry: {name}", _named(name))
    all_.entry("entry: a link", _named("exports/link", stat.S_IFLNK), b"/etc/passwd")
    all_.entry("entry: a device", _named("exports/null", stat.S_IFCHR))
    all_.entry("entry: a pipe", _named("exports/pipe", stat.S_IFIFO))
    all_.entry("entry: too deep", _named("exports/" + "a/" * 1900 + "b"))
    all_.entry("entry: too long", _named("exports/" + "a" * 400))
    all_.found.append(Kind("entry: twice", _write_twice))
    all_.members("entry: a file and a folder", _file_and_folder)
    all_.members("entry: an image in upper case", _uppercase, "restored")
    all_.members("entry: a damaged image", _rot, "restored")
    all_.members("entry: a WAL", lambda members: members.update({"peakid.db-wal": b"x" * 99}), "restored")
    all_.raw("entry: NUL in a name", _null_name)
    all_.raw("entry: encrypted", _encrypted)
    all_.raw("entry: many over one", _overlapping)
    all_.found.append(Kind("a zip bomb", _declared("logs/job-1.log", 2**30)))
    all_.found.append(Kind("a list of removed images of 80 MB", _declared(FORGOTTEN, 80 * 2**20)))


def _add_files(all_: _Kinds) -> None:
    all_.raw("empty", lambda data: b"")
    all_.raw("no zip", lambda data: b"not a zip" * 100)
    all_.raw("cut off", lambda data: data[: len(data) // 2])
    all_.members("manifest: a list", lambda members: members.update({MANIFEST: b"[]"}))
    all_.members("manifest: no JSON", lambda members: members.update({MANIFEST: b"{"}))
    all_.members("manifest: too deep", lambda members: members.update({MANIFEST: b"[" * 60000}))
    all_.members("manifest: too large", lambda members: members.update({MANIFEST: b" " * 70000}))
    all_.members("manifest: no checksum", _manifest(database_sha256=None))
    all_.members("manifest: a wrong checksum", _manifest(database_sha256="wrong"))
    all_.members("manifest: a newer format", _manifest(format=2))
    all_.members("manifest: none", lambda members: members.pop(MANIFEST) and None)
    all_.members("no database", lambda members: members.pop(DATABASE) and None)
    all_.members("a database that is none", lambda members: members.update({DATABASE: b"x" * 9000}))
    all_.members("an empty database", lambda members: members.update({DATABASE: b""}))
    all_.members("a page of zeros", _page)
