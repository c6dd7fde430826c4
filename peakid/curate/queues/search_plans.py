"""The queues that embeddings define: similar to a picture, outliers, unlike any image, irrelevant."""

import re

from peakid import printable
from peakid.curate.queues import segments
from peakid.curate.queues.segments import Segment
from peakid.embed import relevance, similar
from peakid.errors import NotFound
from peakid.store import decision_log
from peakid.store.workspace import Workspace

SIMILAR, OUTLIERS, ALONE, IRRELEVANT = "similar", "outliers", "alone", "irrelevant"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONELY = "(SELECT lonely_below FROM outlier_state WHERE id = 1)"
_NEAREST = "(SELECT n.name FROM class n WHERE n.id = q.nearest_class_id)"
_STRANGE = (
    f"COALESCE(printf('unlike every class: nearest is %s at %.2f', {_NEAREST}, q.score),"
    " printf('unlike the other images: similarity %.2f to the nearest', q.score))"
)


def similar_queue(digest: str) -> str:
    """Return the name of the queue of the images similar to a picture."""
    return f"{SIMILAR}:{digest}"


def outlier_queue(class_name: str | None = None) -> str:
    """Return the name of the queue of the outliers, over all classes or of one class."""
    return OUTLIERS if class_name is None else f"{OUTLIERS}:{class_name}"


def similar_to(workspace: Workspace, queue: str, digest: str) -> list[Segment]:
    """Plan the images similar to a picture, the most similar first, also those that were judged elsewhere.

    Raises:
        NotFound: If it is not the digest of an image with an embedding, or of a file that was searched for.
    """
    if not _DIGEST.fullmatch(digest):
        raise NotFound(f"{queue!r} does not name an image.", "Write similar: and a digest of 64 characters.")
    list_id = similar.to_image(workspace, digest)
    shown = f"similarity %.2f to {similar.name(workspace, digest).replace('%', '%%')}"
    return [
        Segment(
            "ranked_item q",
            "q.image_id",
            "q.list_id = :list_id AND s.verdict <> 'exclude' AND s.judged_in IS NOT :queue",
            "printf(:reason, q.score)",
            score="q.score",
            key=("q.rank",),
            parameters={"list_id": list_id, "queue": queue, "reason": shown},
        )
    ]


def outliers(workspace: Workspace, queue: str, class_name: str) -> list[Segment]:
    """Plan the outliers of all classes, or of one class within it, the strangest first.

    Raises:
        NotFound: If there is no such class.
    """
    if not class_name:
        return [_ranked(queue, "score", "outlier_score_in_order", "1", _STRANGE, 0)]
    row = workspace.one("SELECT id FROM class WHERE name = ?", (class_name,))
    if row is None:
        raise decision_log.unknown_class(workspace.connection(), class_name)
    reason = (
        "printf('unlike its class: %.2f to the nearest ' || c.name, q.class_score)"
        f" || COALESCE(printf('; nearest is %s at %.2f', NULLIF({_NEAREST}, c.name), q.score), '')"
    )
    where = "q.class_id = :class_id AND s.class_id = :class_id"
    return [_ranked(queue, "class_score", "outlier_score_in_class", where, reason, row["id"])]


def alone(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    """Plan the images whose most similar image is less similar than that of 99 % of the others."""
    return [
        Segment(
            "outlier_score q",
            "q.image_id",
            f"q.nearest_similarity < {_LONELY} AND {segments.NOT_SETTLED}",
            "printf('looks like nothing here: similarity %.2f to the nearest image', q.nearest_similarity)",
            score="q.nearest_similarity",
            key=("q.nearest_similarity", "q.image_id"),
            index="outlier_score_lonely",
            parameters={"queue": queue},
        )
    ]


def irrelevant(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    """Plan the images on which the ImageNet classifier sees the least of the classes to keep."""
    names = relevance.names()
    return [
        Segment(
            "imagenet_guess q",
            "q.image_id",
            f"q.kept_share < :below AND {segments.NOT_SETTLED}",
            "printf('ImageNet: %s %s; kept classes together %s',"
            " json_extract(:names, '$[' || q.class_index || ']'),"
            f" {printable.percent_sql('q.probability')}, {printable.percent_sql('q.kept_share')})",
            score="q.kept_share",
            key=("q.kept_share", "q.image_id"),
            index="imagenet_guess_in_order",
            parameters={"queue": queue, "below": relevance.IRRELEVANT_BELOW, "names": names.as_json},
        )
    ]


def _ranked(queue: str, column: str, index: str, where: str, reason: str, class_id: int) -> Segment:
    limit = "(SELECT listed_below FROM outlier_limit WHERE class_id = :class_id)"
    return Segment(
        "outlier_score q",
        "q.image_id",
        f"{where} AND q.{column} < {limit} AND {segments.NOT_SETTLED}",
        reason,
        score=f"q.{column}",
        key=(f"q.{column}", "q.image_id"),
        index=index,
        parameters={"queue": queue, "class_id": class_id},
    )
