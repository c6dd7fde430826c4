"""Find planted label errors: `python bench/label_issues.py --data FOLDER [--views N] [--arch NAME]`.

The same embeddings for all methods. With `--views` the same errors are searched for with the mean over
several views of each photo, too. cleanlab, where it is installed, ranks predictions of a logistic
regression in five folds, as its documentation advises; its scores on the predictions of the live head are
listed too. The limit is a head that was fitted to the right labels and knows how often each is changed.
"""

import argparse
import json
import os
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import noisy
import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from peakid.suggest import label_quality
from peakid.suggest.head import LiveHead

SHARES = (0.05, 0.10, 0.20)
STRENGTHS = (0.01, 0.1)  # scikit-learn's C; the one with the lower loss on the given labels.
NEIGHBOURS = 15
LIMIT = "limit: right labels and rates known"
VIEWS = ", views"
PEERS = ("cleanlab self-confidence", "cleanlab margin", "cleanlab confident learning")


def folds(x: np.ndarray, given: np.ndarray, seed: int) -> tuple[np.ndarray, LogisticRegression]:
    """Return out-of-fold probabilities of a logistic regression, and one that is fitted to all images."""
    found = []
    least = np.bincount(given)[np.unique(given)].min()
    splitter = StratifiedKFold(int(np.clip(least, 2, 5)), shuffle=True, random_state=seed)
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=300)
        p = cross_val_predict(model, x, given, cv=splitter, method="predict_proba")
        loss = -np.log(np.maximum(p[np.arange(len(given)), given], 1e-12)).mean()
        found.append((loss, strength, p))
    _, strength, p = min(found, key=lambda each: each[0])
    return p, LogisticRegression(C=strength, max_iter=300).fit(x, given)


def standardised(features: np.ndarray) -> np.ndarray:
    """Return standardised features in as many dimensions as images, which is the same to a linear model."""
    x = features.astype(float)
    std = x.std(axis=0)
    u, s, _ = np.linalg.svd((x - x.mean(axis=0)) / np.where(std > 0, std, 1), full_matrices=False)
    return u * s


def scores(
    part: noisy.Collection, head: LiveHead, given: np.ndarray, seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the label quality by each method (low = suspicious), and the issues that Peakid names."""
    n, n_classes = len(given), len(part.class_names)
    fit, own = label_quality.rank(head, given, n_classes)
    p = fit.probabilities.astype(float)
    x = standardised(part.features)
    out_of_fold, model = folds(x, given, seed)
    unit = part.features / np.linalg.norm(part.features, axis=1, keepdims=True)
    near = unit @ unit.T
    np.fill_diagonal(near, -np.inf)
    nearest = np.argsort(-near, axis=1)[:, :NEIGHBOURS]
    rows = np.arange(n)
    found = {
        "Peakid": own.label_quality,
        "live head, self-confidence": p[rows, given],
        "live head, margin": np.log(
            p[rows, given] / np.where(np.eye(n_classes)[given] > 0, 0, p).max(axis=1)
        ),
        "nearest neighbours": (given[nearest] == given[:, None]).mean(axis=1) + 1e-6 * p[rows, given],
        "top losses": model.predict_proba(x)[rows, given],
        "random": np.random.default_rng(seed).random(n),
    }
    return found | _peers(given, out_of_fold), own.is_issue


def known_limit(clean: np.ndarray, labels: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return the label quality by a head that was fitted to the right labels and is told the rates of errors.

    What a better ranking of the same embeddings could reach at most, but for chance.

    Args:
        clean: Left-out probabilities of that head, (n, K).
    """
    n_classes = clean.shape[1]
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (labels, given), 1)
    rates = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # Of each label, given the right one.
    posterior = clean * rates[:, given].T
    rows = np.arange(len(given))
    return posterior[rows, given] / np.maximum(posterior.sum(axis=1), 1e-30)


def _peers(given: np.ndarray, p: np.ndarray) -> dict[str, np.ndarray]:
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        return {}
    confidence = get_label_quality_scores(given, p, method="self_confidence")
    issues = find_label_issues(given, p, return_indices_ranked_by="self_confidence", n_jobs=1)
    listed = confidence + 1  # What it does not list comes after what it lists.
    listed[issues] = np.arange(len(issues)) / max(len(issues), 1)
    margin = get_label_quality_scores(given, p, method="normalized_margin")
    return dict(zip(PEERS, (confidence, margin, listed), strict=True))


def measures(quality: np.ndarray, is_wrong: np.ndarray) -> dict[str, float]:
    """Return AUROC, average precision, precision among the first n and the part found in the first 2n."""
    n_wrong = int(is_wrong.sum())
    ranks = rankdata(-quality)[is_wrong]
    n_right = len(quality) - n_wrong
    found = is_wrong[np.argsort(quality, kind="stable")]
    precision = found.cumsum() / np.arange(1, len(found) + 1)
    return {
        "auroc": float((ranks.sum() - n_wrong * (n_wrong + 1) / 2) / (n_wrong * n_right)),
        "ap": float(precision[found].mean()),
        "precision_at_n": float(found[:n_wrong].mean()),
        "found_in_2n": float(found[: 2 * n_wrong].sum() / n_wrong),
    }


def with_views(part: noisy.Collection, head: LiveHead, given: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return the label quality by the methods that are compared on means over several views."""
    _, own = label_quality.rank(head, given, len(part.class_names))
    found = {"Peakid": own.label_quality}
    out_of_fold, _ = folds(standardised(part.features), given, seed)
    return {f"{name}{VIEWS}": quality for name, quality in (found | _peers(given, out_of_fold)).items()}


def one(
    name: str, whole: noisy.Collection, means: noisy.Collection | None, given_args: argparse.Namespace
) -> list[dict]:
    """Measure every kind, share and seed of one collection, with `means` over several views, too."""
    n_classes, rows = len(whole.class_names), []
    for seed in given_args.seeds:
        rng = np.random.default_rng(seed)
        drawn = np.sort(rng.permutation(len(whole.labels))[: given_args.images])
        part = whole.part(drawn)
        head = LiveHead(part.features, part.groups)
        of_views = means.part(drawn) if means else None
        head_of_views = LiveHead(of_views.features, part.groups) if of_views else None
        clean = head.fit(part.labels, n_classes).probabilities.astype(float)
        confused = noisy.pairs(part.labels, clean.argmax(axis=1), n_classes)
        for kind in ("random", "pairs") if n_classes > 2 else ("random",):
            for share in SHARES:
                given = noisy.planted(part.labels, kind, share, seed, confused, n_classes)
                is_wrong = given != part.labels
                if given_args.alone:
                    _, own = label_quality.rank(head, given, n_classes)
                    found, is_issue = {"Peakid": own.label_quality}, own.is_issue
                else:
                    found, is_issue = scores(part, head, given, seed)
                found[LIMIT] = known_limit(clean, part.labels, given)
                if of_views and head_of_views and given_args.alone:
                    _, own = label_quality.rank(head_of_views, given, n_classes)
                    found[f"Peakid{VIEWS}"] = own.label_quality
                elif of_views and head_of_views:
                    found |= with_views(of_views, head_of_views, given, seed)
                rows += [
                    {
                        "collection": name,
                        "kind": kind,
                        "share": share,
                        "seed": seed,
                        "method": method,
                        "n_wrong": int(is_wrong.sum()),
                        "issues_per_error": float(is_issue.sum() / is_wrong.sum()),
                        **measures(quality, is_wrong),
                    }
                    for method, quality in found.items()
                ]
    return rows


def report(rows: list[dict]) -> list[dict]:
    """Print a table of each setting and the paired difference to the best peer. Return the differences."""
    settings = list(dict.fromkeys((row["collection"], row["kind"], row["share"]) for row in rows))
    differences = []
    for setting in settings:
        here = [row for row in rows if (row["collection"], row["kind"], row["share"]) == setting]
        methods = list(dict.fromkeys(row["method"] for row in here))
        by = {m: {row["seed"]: row for row in here if row["method"] == m} for m in methods}
        n_wrong = np.mean([row["n_wrong"] for row in here])
        print(f"\n{setting[0]}, {setting[1]} {setting[2]:.0%}: {n_wrong:.0f} errors")
        print(f"{'method':<{len(LIMIT)}} AUROC    AP    P@n  in 2n")
        for method, seeds in by.items():
            mean = {
                key: np.mean([row[key] for row in seeds.values()])
                for key in ("auroc", "ap", "precision_at_n", "found_in_2n")
            }
            print(f"{method:<{len(LIMIT)}} " + "  ".join(f"{value:.3f}" for value in mean.values()))
        named = np.mean([row["issues_per_error"] for row in by["Peakid"].values()])
        peers = [m for m in methods if m in PEERS]
        print(f"issues named per error: {named:.2f}")
        if peers:
            best = max(peers, key=lambda m: np.mean([row["ap"] for row in by[m].values()]))
            each = [by["Peakid"][seed]["ap"] - by[best][seed]["ap"] for seed in by["Peakid"]]
            mean, low, high = noisy.mean_interval(np.array(each))
            print(f"AP above {best}: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
            differences.append({"setting": setting, "best_peer": best, "ap": [mean, low, high]})
        if f"Peakid{VIEWS}" in by:
            each = [by[f"Peakid{VIEWS}"][seed]["ap"] - by["Peakid"][seed]["ap"] for seed in by["Peakid"]]
            mean, low, high = noisy.mean_interval(np.array(each))
            print(f"AP with several views above one: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
            differences.append({"setting": setting, "than": "one view", "ap": [mean, low, high]})
    return differences


def gains(rows: list[dict]) -> list[dict]:
    """Print and return what several views add, where each seed of a collection counts once.

    Its value is the mean of its kinds and shares of errors.
    """
    of = {f"Peakid{VIEWS}": 1, "Peakid": -1}
    found = []
    for measure in ("ap", "found_in_2n"):
        by: dict[tuple[str, int], list[float]] = {}
        for row in rows:
            if row["method"] in of:
                by.setdefault((row["collection"], row["seed"]), []).append(of[row["method"]] * row[measure])
        gain = {pair: 2 * float(np.mean(signed)) for pair, signed in by.items()}  # Half of them are negative.
        for name in ("", *dict.fromkeys(collection for collection, _ in gain)):
            values = [value for (collection, _), value in gain.items() if name in ("", collection)]
            mean, low, high = noisy.mean_interval(np.array(values))
            title = f"{measure}, {name or 'all collections'} (n = {len(values)})"
            print(f"{title}: several views above one {mean:+.3f} ({low:+.3f} to {high:+.3f})")
            found.append({"measure": measure, "collection": name, "gain": [mean, low, high]})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder that holds data/.")
    parser.add_argument("--embeddings", type=Path, help="Where embeddings are kept between calls.")
    parser.add_argument("--only", choices=noisy.COLLECTIONS, nargs="*", default=noisy.COLLECTIONS)
    parser.add_argument("--seeds", type=int, nargs="*", default=range(5, 10), help="0 to 4 were chosen on.")
    parser.add_argument("--images", type=int, default=600, help="Of each collection, drawn by the seed.")
    noisy.add_view_options(parser)
    given = parser.parse_args()
    started = time.perf_counter()
    try:
        print(f"cleanlab {version('cleanlab')}, scikit-learn {version('scikit-learn')}")
    except PackageNotFoundError:
        print("cleanlab is not installed: its rankings are left out.")
    rows = []
    for name in given.only:
        rows += one(name, *noisy.with_means(name, given), given)
    differences = report(rows)
    gained = gains(rows) if given.views > 1 else []
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "bench": "label_issues",
                "arch": given.arch,
                "seeds": list(given.seeds),
                "rows": rows,
                "differences": differences,
                "gains": gained,
                "seconds": seconds,
                "load": os.getloadavg()[0],
            }
        )
    )


if __name__ == "__main__":
    main()
