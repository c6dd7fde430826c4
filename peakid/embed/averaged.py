"""Sets of embeddings that are the mean over several views of each photo, for the live head alone.

Such a set lies beside the one of the same backbone with embeddings of one view. Searches, outliers, the map
and the index of neighbours use that one: their limits were chosen on it.
"""

from peakid.embed import stored
from peakid.embed.stored import EmbeddingSet
from peakid.store.workspace import Workspace

_PREFIX = "mean of {n_views} views: "


def name(backbone: str, n_views: int) -> str:
    """Return the name of the set of a backbone that has these means; its own for one view."""
    return f"{_prefix(n_views)}{backbone}"


def backbone_of(chosen: EmbeddingSet) -> str:
    """Return the name of the backbone whose embeddings a set has, or the means of."""
    return chosen.backbone.removeprefix(_prefix(chosen.n_views))


def beside(workspace: Workspace, plain: EmbeddingSet) -> list[EmbeddingSet]:
    """List the sets of means of the backbone, size and weights of a set, those that were used last first."""
    rows = workspace.query(
        "SELECT id, backbone, n_views FROM embedding_set WHERE n_views > 1 AND size_px = ?"
        " AND weights_sha256 = ? ORDER BY used_at DESC, id DESC",
        (plain.size_px, plain.weights_sha256),
    )
    ids = [row["id"] for row in rows if row["backbone"] == name(plain.backbone, row["n_views"])]
    return [stored.show(workspace, set_id) for set_id in ids]


def of_head(workspace: Workspace, plain: EmbeddingSet) -> EmbeddingSet:
    """Return the set that the live head uses where `plain` is the one in use.

    It is the set of means that was used after `plain`, once it has every image of `plain` whose file
    can be read.
    """
    later = workspace.query(
        "SELECT v.id FROM embedding_set v JOIN embedding_set p ON v.used_at >= p.used_at WHERE p.id = ?",
        (plain.set_id,),
    )
    ids = {row["id"] for row in later}
    used = (each for each in beside(workspace, plain) if each.set_id in ids)
    return next((each for each in used if _is_complete(workspace, each, plain)), plain)


def _is_complete(workspace: Workspace, means: EmbeddingSet, plain: EmbeddingSet) -> bool:
    if not means.n_images:
        return False
    return means.n_images >= plain.n_images or not stored.counts(workspace, means.set_id).n_missing


def _prefix(n_views: int) -> str:
    return _PREFIX.format(n_views=n_views) if n_views > 1 else ""
