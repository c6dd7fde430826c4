"""What each of two ranks does for the tests of ranks: one start of PyTorch for all trainings."""

from collections.abc import Mapping
from typing import Any

import torch

from peakid.engines.fit import Desk, Place
from tests.learn.ranks import normed, one_rank, tiny


def run(document: Mapping[str, Any], desk: Desk, place: Place) -> None:
    """Train as one of the ranks; write its weights, and what was recorded of each `normed` case."""
    with one_rank.joined(place) as ranks:
        joined = ranks.joined(torch.tensor(ranks.part(7)), 7).tolist()
        flags, made = ranks.agreed(place.rank), ranks.of_first(lambda: "it")
        desk.tell("exchange", {"joined": joined, "flags": flags, "made": made})
        epochs = tiny.train(desk.folder, ranks)
        losses = {"valid": [valid for valid, _ in epochs], "train": [train for _, train in epochs]}
        desk.tell("epochs", losses)
        for arch, learns in document["normed"]:
            normed.train(desk.folder, arch, learns, ranks)
