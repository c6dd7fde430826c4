import json

import pytest
import torch

from peakid.learn import samples
from tests.learn.colours import images_of


@pytest.fixture
def uneven():
    rows = [("moss", "valid")] * 9 + [("rust", "valid")] * 2 + [("moss", "train"), ("rust", "train")]
    return images_of(rows)


def test_the_classes_take_turns_and_the_same_seed_chooses_the_same_images(uneven, tmp_path):
    chosen = samples.choose(uneven, tmp_path, seed=3)
    assert chosen.given == ["moss", "rust", "moss", "rust", "moss", "moss", "moss", "moss"]
    assert chosen.digests == samples.choose(uneven, tmp_path, seed=3).digests
    assert len(set(chosen.digests)) == 8
    of_digest = dict(zip(uneven.digests, uneven.labels, strict=True))
    assert [uneven.class_names[of_digest[digest]] for digest in chosen.digests] == chosen.given


def test_each_epoch_adds_what_the_model_answers_and_a_resumed_one_repeats_none(uneven, tmp_path):
    chosen = samples.choose(uneven, tmp_path / "run", seed=0)
    all_moss = torch.tensor([[0.75, 0.25]]).expand(11, 2)
    chosen.add_epoch(1, all_moss)
    chosen.add_epoch(2, all_moss)
    chosen.add_epoch(2, all_moss.flip(1))  # The same epoch once more, after a kill.
    written = json.loads((tmp_path / "run" / "samples.json").read_text())
    assert [each["epoch"] for each in written] == [1, 2]
    assert {answer["predicted"] for answer in written[0]["answers"]} == {"moss"}
    assert {(answer["predicted"], answer["confidence"]) for answer in written[1]["answers"]} == {
        ("rust", 0.75)
    }
    assert [answer["given"] for answer in written[1]["answers"]] == chosen.given


def test_a_half_written_file_of_samples_begins_anew(uneven, tmp_path):
    (tmp_path / "samples.json").write_text('[{"epoch": 1, "ans')
    chosen = samples.choose(uneven, tmp_path, seed=0)
    chosen.add_epoch(4, torch.full((11, 2), 0.5))
    assert [each["epoch"] for each in json.loads((tmp_path / "samples.json").read_text())] == [4]
