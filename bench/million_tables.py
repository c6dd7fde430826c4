"""The rows of a workspace with a million images, for `bench/million.py`: images without bytes."""

import hashlib
import json
from collections.abc import Iterator

import numpy as np

from peakid.curate import image_issues

N_CLASSES = 30
ACTOR = "human:bench"
N_DIMENSIONS = 1280
EMBEDDINGS_FILE = "bench.f16"
Rows = Iterator[tuple[object, ...]]


def tables(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Rows]]:
    """Yield every table's INSERT with its rows, parents first."""
    ids = np.arange(1, n + 1)
    class_ids = ((ids - 1) * N_CLASSES // n + 1).tolist()
    reviewed = rng.random(n) < np.where(ids < 0.3 * n, 0.9, 0.1)
    yield (
        "INSERT INTO class (name, position, created_at) VALUES (?, ?, '2026')",
        ((f"class {k:02}", k) for k in range(1, N_CLASSES + 1)),
    )
    acquired = "INSERT INTO acquisition (source, actor, started_at) VALUES (?, ?, '2026')"
    yield acquired, ((source, ACTOR) for source in ("folder", "zip"))
    yield from image_tables(n, class_ids)
    yield from judgement_tables(n, class_ids, np.flatnonzero(reviewed).tolist(), rng)
    yield from finding_tables(n, class_ids, rng)
    yield from model_tables(n, class_ids, rng)
    yield from embedding_tables(n, rng)


def image_tables(n: int, class_ids: list[int]) -> Iterator[tuple[str, Rows]]:
    yield (
        "INSERT INTO image"
        " (id, digest, format, n_bytes, width_px, height_px, phash, dhash, added_at, scanned_at,"
        " compared_with) VALUES"
        " (?, ?, 'JPEG', 100000, 640, 480, '0000000000000000', '0000000000000000', ?, '2026-11-01', 1)",
        (
            (i, digest(i), f"2026-{1 + i * 10 // (n + 1):02}-{1 + i % 28:02}T00:00:00.000Z")
            for i in range(1, n + 1)
        ),
    )
    yield (
        "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
        " VALUES (?, ?, ?, ?, ?, '2026')",
        (
            (
                i,
                1 + (i % 10 == 0),
                ("folder", "zip")[i % 10 == 0],
                f"class {k:02}/photo {i:07}.jpg",
                f"class {k:02}",
            )
            for i, k in zip(range(1, n + 1), class_ids, strict=True)
        ),
    )
    yield (
        "INSERT INTO image_measure (image_id, brightness, highlight, shadow, contrast, sharpness,"
        " entropy_bits, colourfulness, readable_share, is_animated, taken_at, camera, scored_with)"
        " VALUES (?, .5, .9, .1, .2, .5, 7, 40, 1, 0, ?, 'Camera', 1)",
        (
            (i, f"20{10 + i * 7 % 15}-{1 + i % 12:02}-{1 + i % 28:02}T12:00:00" if i % 5 < 2 else None)
            for i in range(1, n + 1)
        ),
    )


def judgement_tables(
    n: int, class_ids: list[int], reviewed: list[int], rng: np.random.Generator
) -> Iterator[tuple[str, Rows]]:
    step = "INSERT INTO step (actor, kind, made_at) VALUES (?, ?, '2026-11-01T00:00:00.000Z')"
    decision = (
        "INSERT INTO decision (event_id, step_id, image_id, verdict, class_id, reason, is_reviewed, actor,"
        " basis, decided_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '2026-11-01T00:00:00.000Z')"
    )
    yield step, iter([("import:folder", "import")])
    yield (
        decision,
        (
            (f"i{i}", 1, i + 1, "label", k, "", 0, "import:folder", "{}")
            for i, k in enumerate(class_ids)
            if i % 50
        ),
    )
    yield step, ((ACTOR, "decide") for _ in reviewed)
    verdicts = rng.choice(["label", "exclude", "flag"], len(reviewed), p=[0.85, 0.1, 0.05]).tolist()
    queues = rng.choice(["unreviewed", "worth", "issue:dark"], len(reviewed), p=[0.8, 0.1, 0.1]).tolist()
    yield (
        decision,
        (
            (
                f"h{i}",
                2 + m,
                i + 1,
                verdict,
                class_ids[i],
                "unsuitable",
                verdict != "flag",
                ACTOR,
                json.dumps({"queue": queue}),
            )
            for m, (i, verdict, queue) in enumerate(zip(reviewed, verdicts, queues, strict=True))
        ),
    )


def finding_tables(n: int, class_ids: list[int], rng: np.random.Generator) -> Iterator[tuple[str, Rows]]:
    """Yield image issues, pairs (one in fifteen across classes), tags and notes."""
    for kind, rule in image_issues.RULES.items():
        found = np.flatnonzero(rng.random(n) < 0.02) + 1
        scores = rng.random(len(found)) * rule.ceiling
        rows = ((kind, score, i) for score, i in zip(scores.tolist(), found.tolist(), strict=True))
        yield "INSERT INTO image_issue_score (kind, score, image_id) VALUES (?, ?, ?)", rows
    firsts = np.unique(rng.integers(1, n - n // 25, 30 * n // 1000)).tolist()
    pairs = (
        (i, i + (n // 25 if m % 15 == 0 else 1), "near" if m % 2 else "exact", m % 16, "2026")
        for m, i in enumerate(firsts)
    )
    yield (
        "INSERT INTO duplicate_pair (image_a_id, image_b_id, kind, distance, found_at)"
        " VALUES (?, ?, ?, ?, ?)",
        pairs,
    )
    remark = (
        "INSERT INTO remark (step_id, image_id, kind, value, is_on, actor, made_at)"
        " VALUES (2, ?, ?, ?, 1, ?, '2026')"
    )
    yield remark, ((i, "tag", "common", ACTOR) for i in range(1, n, 10))
    yield remark, ((i, "tag", "rare", ACTOR) for i in range(n // 2, n, n // 500))
    yield remark, ((i, "note", f"a note about image {i}", ACTOR) for i in range(1, n, n // 1000))


def model_tables(n: int, class_ids: list[int], rng: np.random.Generator) -> Iterator[tuple[str, Rows]]:
    """Yield a snapshot of seven tenths of the images, and a run that predicted its valid and test images."""
    names = json.dumps([f"class {k:02}" for k in range(1, N_CLASSES + 1)])
    yield (
        "INSERT INTO snapshot (digest, name, seed, fractions, class_names, n_images, n_groups, n_leaks,"
        " n_unreviewed, actor, created_at, frozen_at)"
        " VALUES (?, 'bench', 0, '{}', ?, 1, 1, 0, 1, 'x', '2026', '2026')",
        iter([("0" * 64, names)]),
    )
    items = [i for i in range(1, n + 1) if i % 10 < 7]
    splits = rng.choice(["train", "valid", "test"], len(items), p=[0.7, 0.15, 0.15]).tolist()
    yield (
        "INSERT INTO snapshot_item (snapshot_id, image_id, label, split, group_key) VALUES (1, ?, ?, ?, '')",
        ((i, f"class {class_ids[i - 1]:02}", split) for i, split in zip(items, splits, strict=True)),
    )
    yield (
        "INSERT INTO run (snapshot_id, state, recipe, class_names, seed, code_version, libraries, created_at)"
        " VALUES (1, 'done', '{}', ?, 0, '', '{}', '2026')",
        iter([(names,)]),
    )
    predicted = [(i, split) for i, split in zip(items, splits, strict=True) if split != "train"]
    wrong, sure = (rng.random(len(predicted)) < 0.15).tolist(), rng.random(len(predicted)).tolist()
    yield (
        "INSERT INTO prediction"
        " (run_id, image_id, split, given_label, predicted_label, confidence, is_out_of_sample)"
        " VALUES (1, ?, ?, ?, ?, ?, 1)",
        (
            (
                i,
                split,
                f"class {class_ids[i - 1]:02}",
                f"class {(class_ids[i - 1] + is_wrong - 1) % N_CLASSES + 1:02}",
                confidence,
            )
            for (i, split), is_wrong, confidence in zip(predicted, wrong, sure, strict=True)
        ),
    )


def embedding_tables(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Rows]]:
    """Yield a set of embeddings of all images, without vectors, and a map of a sample of them."""
    yield (
        "INSERT INTO embedding_set"
        " (id, backbone, size_px, weights_sha256, n_dimensions, file, created_at, used_at)"
        " VALUES (1, 'bench', 224, '', ?, ?, '2026', '2026')",
        iter([(N_DIMENSIONS, EMBEDDINGS_FILE)]),
    )
    yield (
        "INSERT INTO embedding (set_id, image_id, row) VALUES (1, ?, ?)",
        ((i, i - 1) for i in range(1, n + 1)),
    )
    yield (
        "INSERT INTO map_layout (id, set_id, method, file, seconds, made_at)"
        " VALUES (1, 1, 'pca', ?, 1, '2026')",
        iter([(EMBEDDINGS_FILE,)]),
    )
    sample = np.sort(rng.choice(n, min(n, 100_000), replace=False)) + 1
    places = np.clip(rng.normal(scale=0.3, size=(len(sample), 2)), -1, 1).tolist()
    yield (
        "INSERT INTO map_point (image_id, layout_id, x, y) VALUES (?, 1, ?, ?)",
        ((i, *place) for i, place in zip(sample.tolist(), places, strict=True)),
    )


def digest(image_id: int) -> str:
    return hashlib.sha256(str(image_id).encode()).hexdigest()
