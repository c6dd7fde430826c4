"""Shards are given to workers, dead workers are named, and no shard is computed twice without need."""

from collections import Counter

import pytest

from peakid.engines.mapping import Mapper
from peakid.engines.records import Shard, Stopped, Tally
from peakid.engines.shard_files import ShardFiles
from peakid.errors import BadInput, JobError
from tests.engines.planned_pool import PlannedPool


def shards(n):
    return [Shard("unit", 1, (f"d{number}",)) for number in range(n)]


@pytest.fixture
def kept(tmp_path):
    return ShardFiles(tmp_path / "shards")


def mapper(pool, n_workers=2, **options):
    return Mapper(pool, n_workers=n_workers, tally=Tally("local", cores_each=1), **options)


def never():
    return False


def test_every_shard_gives_its_result_once(kept):
    pool = PlannedPool()
    used = mapper(pool)
    found = {each.shard.digests[0]: each.data for each in used.map(shards(9), kept, should_stop=never)}
    assert found == {f"d{number}": f"D{number}".encode() for number in range(9)}
    assert Counter(pool.computed).most_common(1)[0][1] == 1
    assert (used.tally.n_shards, used.tally.core_seconds) == (9, 18.0)
    assert (pool.most_workers, pool.stopped) == (2, [])  # They are ready for another map.
    assert len(list(used.map(shards(12), kept, should_stop=never))) == 12
    assert pool.n_started == 2


def test_no_more_shards_are_taken_than_the_workers_can_hold(kept):
    pool, taken = PlannedPool(), []

    def source():
        for shard in shards(50):
            taken.append(shard)
            yield shard

    for n_done, _ in enumerate(mapper(pool).map(source(), kept, should_stop=never), 1):
        assert len(taken) - n_done <= 4  # Two in work, two ready.
    assert (len(taken), pool.most_given) == (50, 4)
    alone = PlannedPool()
    assert len(list(mapper(alone, ahead=0).map(shards(6), kept, should_stop=never))) == 6
    assert alone.most_given <= 2


def test_one_shard_starts_one_worker(kept):
    pool = PlannedPool()
    assert len(list(mapper(pool, n_workers=8).map(shards(1), kept, should_stop=never))) == 1
    assert pool.n_started == 1


def test_a_killed_head_continues_with_the_results_that_are_on_disk(kept):
    first = PlannedPool()
    running = mapper(first).map(shards(8), kept, should_stop=never)
    done = [next(running) for _ in range(3)]
    done[0].forget()  # It was stored elsewhere.
    running.close()
    assert sorted(first.stopped) == [1, 2]  # Their results are not taken any more.
    second = PlannedPool()
    used = mapper(second)
    found = list(used.map(shards(8)[1:], kept, should_stop=never))
    assert len({each.shard.key for each in found}) == len(found) == 7
    assert used.tally.n_reused == 2
    assert not {each.shard.digests[0] for each in done[1:]} & set(second.computed)


def test_a_worker_that_dies_is_named_and_its_shards_go_to_another(kept):
    pool, told = PlannedPool(deaths={"d2": 2}), []
    used = mapper(pool, on_death=told.append)
    found = list(used.map(shards(7), kept, should_stop=never))
    assert sorted(each.data for each in found) == [f"D{number}".encode() for number in range(7)]
    assert Counter(pool.computed).most_common(1)[0][1] == 1
    assert used.tally.n_retried == len(told) == 2
    assert told == used.tally.deaths
    assert "on node-1 died while it computed a shard of 1 image; another one computes it." in told[0]
    assert told[0].startswith("The worker process 400")


def test_a_shard_that_kills_three_workers_ends_the_map(kept):
    used = mapper(PlannedPool(deaths={"d1": 9}))
    with pytest.raises(JobError, match=r"process 400\d on node-1 died while it computed .*as 2 workers"):
        list(used.map(shards(4), kept, should_stop=never))
    assert kept.read(shards(4)[0].key) == b"D0"  # What was computed stays.


def test_a_fold_is_called_by_its_name(kept):
    told = []
    shard = Shard("unit", 1, ("d0",), title="fold 2 of 3")
    list(mapper(PlannedPool(deaths={"d0": 1}), on_death=told.append).map([shard], kept, should_stop=never))
    assert "died while it computed fold 2 of 3" in told[0]


def test_workers_that_do_not_start_end_the_map_after_three(kept):
    assert len(list(mapper(PlannedPool(n_failed_starts=2)).map(shards(3), kept, should_stop=never))) == 3
    other = ShardFiles(kept.folder / "other")
    with pytest.raises(JobError, match="do not start"):
        list(mapper(PlannedPool(n_failed_starts=99)).map(shards(3), other, should_stop=never))


def test_shards_do_not_wait_for_workers_that_a_full_cluster_does_not_start(kept):
    pool = PlannedPool(n_places=2)
    found = list(mapper(pool, n_workers=5, ahead=0).map(shards(5), kept, should_stop=never))
    assert len(found) == 5
    assert (pool.n_started, sorted(pool.stopped)) == (5, [3, 4, 5])


def test_what_a_unit_raises_ends_the_map(kept):
    refused = BadInput("This is not right.", "Do something else.")
    with pytest.raises(BadInput, match="This is not right"):
        list(mapper(PlannedPool(refuses={"d1": refused})).map(shards(3), kept, should_stop=never))


def test_a_worker_of_another_version_is_refused(kept):
    with pytest.raises(JobError, match=r"worker on node-1 has Peakid 0\.0\.1"):
        list(mapper(PlannedPool(version="0.0.1")).map(shards(1), kept, should_stop=never))


def test_a_cancelled_map_ends_its_workers_and_keeps_what_is_done(kept):
    pool, done = PlannedPool(), []

    def run():
        for each in mapper(pool).map(shards(20), kept, should_stop=lambda: len(done) >= 4):
            done.append(each)

    with pytest.raises(Stopped):
        run()
    assert len(done) < 20
    assert pool.given == {}
    assert all(kept.read(each.shard.key) for each in done)


def test_results_in_order_wait_for_a_shard_that_is_tried_again(kept):
    pool = PlannedPool(deaths={"d0": 1})
    found = list(mapper(pool).map_in_order(shards(9), kept, should_stop=never))
    assert [each.data for each in found] == [f"D{number}".encode() for number in range(9)]
    assert pool.computed[0] != "d0"
