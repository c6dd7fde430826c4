"""The texts of the estimate and of the sample predictions."""

from peakid.jobs.results import EstimateResult, PhaseEstimate
from peakid.web.training import estimate_panel, sample_panel

FOUND = EstimateResult(
    seconds=754.0,
    memory_mb=1930.0,
    decode_s=4.0,
    predict_s=30.0,
    device="cpu",
    phases=(
        PhaseEstimate(
            "head", epochs=5, image_size_px=128, batch_size=32, epoch_s=20.0, extra_s=100.0, memory_mb=900.0
        ),
        PhaseEstimate(
            "body", epochs=3, image_size_px=224, batch_size=16, epoch_s=173.3, extra_s=0.0, memory_mb=1930.0
        ),
    ),
)


def test_an_estimate_is_one_sentence_and_a_row_for_each_part():
    assert estimate_panel.headline(FOUND) == "About 13 min on cpu, 1.9 GB of memory."
    rows = estimate_panel.rows(FOUND)
    assert [row["Part"] for row in rows] == ["decode the images", "head", "body", "predict every image"]
    assert rows[1]["Takes"] == "3 min"  # 100 s for the LR finder, then 5 epochs of 20 s: 200 s.
    assert (rows[2]["Per epoch"], rows[2]["Memory"], rows[2]["Batch size"]) == ("3 min", "1.9 GB", 16)


def epoch(number, *predicted):
    answers = [
        {"digest": f"d{i}", "given": "moss", "predicted": name, "confidence": 0.5 + i / 10}
        for i, name in enumerate(predicted)
    ]
    return sample_panel.parsed({"epoch": number, "answers": answers})


def test_samples_show_how_many_are_correct_now_and_were_after_the_first_epoch():
    epochs = [epoch(1, "rust", "moss"), epoch(3, "moss", "moss")]
    assert sample_panel.finding(epochs) == (
        "2 of 2 validation images correct after epoch 3; after epoch 1, 1."
    )
    assert sample_panel.finding(epochs[:1]) == "1 of 2 validation images correct after epoch 1."
    assert sample_panel.history(epochs) == "Epoch 1: 1 of 2  \nEpoch 3: 2 of 2"


def test_a_wrong_prediction_shows_the_given_label_and_names_are_not_read_as_markup():
    assert sample_panel.prediction_text(epoch(1, "moss").samples[0]) == ":green[moss] 50 %"
    assert sample_panel.prediction_text(epoch(1, "b*d").samples[0]) == r":red[b\*d] 50 %, is moss"
