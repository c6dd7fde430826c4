"""A shard is its content, and what an engine has used is said in words."""

from dataclasses import replace

from peakid.engines import records
from peakid.engines.records import EngineUse, Shard, Tally

SHARD = Shard("a.b:c", 1, ("d1", "d2"), {"size": 3, "name": "x"}, ("/p/1", "/p/2"), {"folder": "/f"}, "one")


def test_the_key_of_a_shard_is_its_content_and_not_where_it_lies():
    same = replace(SHARD, arguments={"name": "x", "size": 3}, locations=("s3://b/1",), files={}, title="two")
    assert same.key == SHARD.key
    assert len(SHARD.key) == 64
    others = [
        replace(SHARD, unit="a.b:d"),
        replace(SHARD, version=2),
        replace(SHARD, digests=("d2", "d1")),
        replace(SHARD, arguments={"size": 4, "name": "x"}),
    ]
    assert len({SHARD.key, *(each.key for each in others)}) == 5


def test_a_block_of_images_stays_the_same_when_others_are_done():
    images = [(number, f"d{number}") for number in range(1, 8)]
    assert [[n for n, _ in block] for block in records.in_blocks(images, 3)] == [[1, 2, 3], [4, 5, 6], [7]]
    left = [each for each in images if each[0] not in (1, 2, 3, 7)]
    assert list(records.in_blocks(left, 3)) == [images[3:6]]


def test_the_cost_is_said_in_core_hours():
    assert records.core_hours(12.34) == "12.3 core-seconds"
    assert records.core_hours(5400) == "1.50 core-hours"
    assert records.core_hours(3600 * 1234) == "1,234 core-hours"


def test_what_an_engine_has_used_is_one_sentence_and_one_for_each_death():
    tally = Tally("ray", cores_each=2)
    tally.n_workers, tally.n_shards, tally.n_reused = 3, 5, 1
    tally.add_time(60.0)
    tally.add_death("The worker process 7 on node-1 died.")
    use = tally.use()
    assert use == EngineUse("ray", 3, 5, 1, 0, 120.0, ("The worker process 7 on node-1 died.",))
    assert use.text() == (
        "Engine ray: 5 shards, 1 of them from an earlier attempt; 3 workers used 0.03 core-hours. "
        "The worker process 7 on node-1 died."
    )
    assert tally.progress(9) == "5 of 9 shards, 0.03 core-hours, 1 worker died"
