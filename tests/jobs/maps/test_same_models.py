"""Heat maps, averaged views and proofs are the same by every engine, also when a worker is killed.

Blocks are made small, in this process as in the maps: a network may predict other last bits in another batch.
"""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from peakid.dataset import snapshot as snapshots
from peakid.engines.shard_files import folder_of
from peakid.errors import ParityBroken
from peakid.jobs import ledger, process, tasks
from peakid.jobs.evaluation import averaging as averaging_job
from peakid.jobs.evaluation import heat_maps as heat_job
from peakid.jobs.maps import averaging, heat
from peakid.jobs.maps.proving import Prover
from peakid.learn import tta
from peakid.learn.export import checking
from peakid.learn.export import export as exporting
from peakid.learn.export.by_format import onnx_file
from peakid.learn.export.trained import TrainedModel
from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.recipe import export_formats, tta_views
from peakid.records import no_report
from peakid.store import images, run_predictions, runs
from peakid.store.evaluation import heat_maps
from tests import planted_models
from tests.jobs.maps.tried import SETTINGS, never

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_machine")]

CPU = torch.device("cpu")


@pytest.fixture
def run(workspace, fill):
    """A run on 40 photos whose stored predictions for validation are those of its model."""
    fill(river=20, sea=20)
    fractions = {"train": 0.1, "valid": 0.85, "test": 0.05}
    frozen = snapshots.create(workspace, name="all", actor="human:anna", fractions=fractions)
    run_id = planted_models.plant(workspace, frozen, device="cpu")
    model, card = models.load(runs.folder(workspace, run_id))
    # A threshold between two groups of photos would be 0 or 1 for each; these weights tell them less surely.
    model[1][2].weight.data *= 0.05
    models.save(model, card, runs.folder(workspace, run_id))
    for split in ("valid", "test"):
        digests = run_predictions.pred_probs(workspace, run_id, split)[0]
        batch = np.stack([canonical(workspace, digest, card) for digest in digests])
        found = predict.pred_probs(model, batch, card, device=CPU)
        given = [card.class_names[0]] * len(digests)
        run_predictions.add(workspace, run_id, split, digests, found, given, is_out_of_sample=True)
    return runs.show(workspace, run_id)


def canonical(workspace: Any, digest: str, card: Any) -> np.ndarray:
    from peakid.learn import heat_tester

    return heat_tester.pixels_of(card, images.read_bytes(workspace, digest))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.thorough
def test_views_are_averaged_alike_here_and_by_every_engine(workspace, run, copies, local, ray, monkeypatch):
    monkeypatch.setattr(tta, "CHUNK", 5)
    digests, expected = run_predictions.pred_probs(workspace, run.run_id, "valid")
    views = tta_views.of(3, is_mirrored=True)
    asked = {"expected": np.asarray(expected), "report": no_report, "should_stop": never}
    alone = tta.pred_probs(
        runs.folder(workspace, run.run_id),
        digests,
        views,
        read=lambda digest: images.read_bytes(workspace, digest),
        device=CPU,
        **asked,
    )
    assert not np.array_equal(alone, expected)
    for each in (local, ray):
        opened = copies(each.engine.name)
        with each.killing():
            found, finished = averaging.pred_probs(opened, each.engine, run, digests, views, **asked)
        assert found.tobytes() == alone.tobytes()
        assert len(finished) == len(list(folder_of(opened).iterdir())) == -(-len(digests) // 5)
        with pytest.raises(ParityBroken, match="does not predict what it predicted when it was trained"):
            averaging.pred_probs(
                opened, each.engine, run, digests, views, **asked | {"expected": asked["expected"] + 0.01}
            )
        for done in finished:
            done.forget()
        assert list(folder_of(opened).iterdir()) == []


@pytest.mark.thorough
def test_heat_maps_are_tested_alike_here_and_by_every_engine(
    workspace, run, copies, local, ray, monkeypatch, as_worker
):
    monkeypatch.setattr(heat_job, "CHUNK", 3)
    digests = sorted(run_predictions.pred_probs(workspace, run.run_id, "valid")[0])
    images.image_path(workspace, digests[-1]).write_bytes(b"cut")
    images.image_path(workspace, digests[-2]).unlink()
    blocks = [[(digests[n], 0), (digests[n], 1), (digests[-n - 1], 1)] for n in range(4)]
    _, reference = heat_job._opened(workspace, run)
    found = {}
    for name, each in (("alone", None), ("local", local), ("ray", ray)):
        opened = copies(name)
        unread: dict[str, str] = {}
        if each is None:
            tester, _ = heat_job._opened(opened, run)
            for block in blocks:
                tested = tester.test(block)
                rows = zip(tested.pairs, tested.heat, tested.checks, strict=True)
                add(opened, run, [heat_maps.HeatMap(*pair, cells, check) for pair, cells, check in rows])
                unread |= tested.unread
        else:
            with each.killing():
                asked = heat.test(opened, each.engine, run, blocks, reference, SETTINGS, should_stop=never)
                for block in asked:
                    add(opened, run, block.maps)
                    block.forget()
                    unread |= block.unread
            assert list(folder_of(opened).iterdir()) == []
        stored = heat_maps.read(opened, run.run_id)
        assert len(stored) == 10
        reasons = {digest: why.replace(str(opened.path), "") for digest, why in unread.items()}
        found[name] = sha256(runs.folder(opened, run.run_id) / heat_maps.FILE), reasons
    assert set(found["alone"][1]) == set(digests[-2:])
    assert found["alone"] == found["local"] == found["ray"]


def add(workspace: Any, run: Any, maps: Any) -> None:
    heat_maps.add(workspace, run.run_id, maps)


@pytest.mark.thorough
def test_files_are_checked_alike_here_and_by_every_engine(workspace, run, tmp_path, local, ray):
    digests, expected = run_predictions.pred_probs(workspace, run.run_id, "valid")
    assert len(digests) > checking_batch()
    folder = runs.folder(workspace, run.run_id)
    model, card = models.load(folder)
    export = tmp_path / "export"
    export.mkdir()
    onnx_file.write(TrainedModel(model, card, folder), export / export_formats.FILE_NAMES["onnx"])
    reference = run_predictions.pred_probs(workspace, run.run_id, "train")[0]
    alone = checking.check(
        export,
        card,
        ["onnx"],
        images=images.read_many(workspace, digests),
        n_images=len(digests),
        reference=images.read_many(workspace, reference),
        n_reference=len(reference),
        report=no_report,
    )
    assert np.allclose(alone.probabilities["onnx"], expected, atol=1e-4)
    for each in (local, ray):
        with each.killing():
            prover = Prover(
                workspace, each.engine, digests, reference, no_report, never, block=checking_batch()
            )
            found = prover.check(export, card, ["onnx"])
        assert found.digests == alone.digests
        assert found.probabilities["onnx"].tobytes() == alone.probabilities["onnx"].tobytes()
        assert found.embeddings.tobytes() == alone.embeddings.tobytes()
        assert found.reference.tobytes() == alone.reference.tobytes()
        assert found.times["onnx"].batch.n_calls >= 5
        assert found.process_id != os.getpid()
        assert len(prover.finished) == 3  # Two blocks that are compared, one that is only embedded.
        prover.forget()
        assert list(folder_of(workspace).iterdir()) == []
    assert [path.name for path in export.iterdir()] == ["model.onnx"]


def checking_batch() -> int:
    from peakid.learn.export import check

    return check.CHUNK


@pytest.mark.thorough
def test_an_export_that_predicts_something_else_is_refused_by_an_engine_too(workspace, run, tmp_path, local):
    digests, expected = run_predictions.pred_probs(workspace, run.run_id, "valid")
    prover = Prover(workspace, local.engine, digests, (), no_report, never)

    def export(pred_probs: np.ndarray) -> exporting.ExportProof:
        return exporting.export(
            runs.folder(workspace, run.run_id),
            formats=["safetensors"],
            out=tmp_path / "out",
            images=(),
            pred_probs=pred_probs,
            facts={},
            report=no_report,
            check=prover.check,
        )

    changed = np.array(expected)
    changed[3] = changed[3, ::-1]
    with pytest.raises(ParityBroken, match=r"The safetensors file does not predict .*1 images differ"):
        export(changed)
    assert [path for path in tmp_path.iterdir() if "out" in path.name] == []
    n_reused = local.engine.use().n_reused
    proof = export(np.array(expected))
    assert local.engine.use().n_reused == n_reused + 1  # The same bytes: what was computed of them holds.
    assert proof.parity["safetensors"]["agreement"] == 1.0


def test_the_jobs_say_what_their_engine_was_used_for(workspace, run, as_worker):
    """Each job starts a worker of its own, and leaves no shard behind."""
    from peakid.jobs import submit

    one = dataclasses.replace(SETTINGS, n_workers=1)
    asked = [
        heat_job.compute(workspace, run.run_id, limit=2, settings=one),
        submit.score_with_views(workspace, run.run_id, n_views=1, settings=one),
        submit.export(workspace, run.run_id, formats=["safetensors"], settings=one),
    ]
    for job in asked:
        work = ledger.claim(workspace, job.job_id, process.own())
        tasks.run(work)
        work.end("done")
        assert work.result.engine.n_shards >= 1
        assert work.result.engine.text().startswith("Engine local: ")
        assert list(folder_of(workspace).iterdir()) == []
    assert averaging_job._scored(workspace, run.run_id)["valid"][1].shape[1] == 2
    assert run_predictions.n_views(workspace, run.run_id, "valid") == 1
