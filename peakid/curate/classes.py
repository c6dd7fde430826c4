"""The classes one can choose: their order (the keys 1-9), their names, and which are retired."""

from peakid import decision_log
from peakid.errors import BadInput, NotFound
from peakid.records import ClassRow
from peakid.workspace import Workspace


def list_classes(workspace: Workspace) -> list[ClassRow]:
    """Answer all classes in key order, with the images that carry them (excluded ones are not counted)."""
    rows = workspace.query(
        "SELECT c.name, c.position, c.is_retired, COUNT(s.image_id) AS n_images, COALESCE(SUM(s.is_reviewed), 0) AS n_reviewed"
        " FROM class c LEFT JOIN image_state s ON s.class_id = c.id AND s.verdict IN ('label', 'flag')"
        " GROUP BY c.id ORDER BY c.position, c.id"
    )
    return [ClassRow(row["name"], row["n_images"], row["n_reviewed"], bool(row["is_retired"]), row["position"]) for row in rows]


def names(workspace: Workspace) -> list[str]:
    """Answer the names of the living classes in key order."""
    return [row["name"] for row in workspace.query("SELECT name FROM class WHERE is_retired = 0 ORDER BY position, id")]


def add(workspace: Workspace, class_name: str) -> ClassRow:
    """Add a class at the end of the order, or bring a retired one back.

    Raises:
        BadInput: If the name cannot be a class name or is taken by a living class.
    """
    name = decision_log.checked_class_name(class_name)
    with workspace.transaction() as connection:
        row = connection.execute("SELECT is_retired FROM class WHERE name = ?", (name,)).fetchone()
        if row is not None and not row["is_retired"]:
            raise BadInput(f"There is a class {name!r} already.", "Choose another name.")
        connection.execute("UPDATE class SET is_retired = 0 WHERE id = ?", (decision_log.class_id(connection, name),))
    return show(workspace, name)


def rename(workspace: Workspace, class_name: str, new_name: str) -> ClassRow:
    """Give a class another name; its images follow, and snapshots taken before keep the old name.

    Raises:
        NotFound: If the class is unknown.
        BadInput: If the new name is taken or cannot be a class name.
    """
    new = decision_log.checked_class_name(new_name)
    show(workspace, class_name)
    with workspace.transaction() as connection:
        taken = connection.execute("SELECT 1 FROM class WHERE name = ? AND name <> ?", (new, class_name)).fetchone()
        if taken:
            raise BadInput(f"There is a class {new!r} already.", "Choose another name.")
        connection.execute("UPDATE class SET name = ? WHERE name = ?", (new, class_name))
    return show(workspace, new)


def retire(workspace: Workspace, class_name: str) -> ClassRow:
    """Keep a class and its images out of new snapshots; `add` brings it back.

    Raises:
        NotFound: If the class is unknown.
    """
    show(workspace, class_name)
    with workspace.transaction() as connection:
        connection.execute("UPDATE class SET is_retired = 1 WHERE name = ?", (class_name,))
    return show(workspace, class_name)


def show(workspace: Workspace, class_name: str) -> ClassRow:
    """Answer one class by its name.

    Raises:
        NotFound: If there is none.
    """
    for row in list_classes(workspace):
        if row.class_name == class_name:
            return row
    raise NotFound(f"There is no class {class_name!r}.", "See them with: peakid classes list")
