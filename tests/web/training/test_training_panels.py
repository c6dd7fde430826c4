from peakid.web.training import estimate_panel, sample_panel

FOUND = {
    "seconds": 754.0,
    "memory_mb": 1930.0,
    "decode_s": 4.0,
    "predict_s": 30.0,
    "device": "cpu",
    "phases": [
        {
            "name": "head",
            "epochs": 5,
            "epoch_s": 20.0,
            "extra_s": 100.0,
            "memory_mb": 900.0,
            "batch_size": 32,
            "image_size_px": 128,
        },
        {
            "name": "body",
            "epochs": 3,
            "epoch_s": 173.3,
            "extra_s": 0.0,
            "memory_mb": 1930.0,
            "batch_size": 16,
            "image_size_px": 224,
        },
    ],
}


def test_an_estimate_is_one_sentence_and_a_row_for_each_part():
    assert estimate_panel.headline(FOUND) == "About 13 min on cpu, 1.9 GB of memory."
    rows = estimate_panel.lines(FOUND)
    assert [row["Part"] for row in rows] == ["decode the images", "head", "body", "predict every image"]
    assert rows[1]["Takes"] == "3 min"  # 100 s until the rate is found, then 5 epochs of 20 s: 200 s.
    assert (rows[2]["An epoch"], rows[2]["Memory"], rows[2]["Images at once"]) == ("3 min", "1.9 GB", 16)


def answers(*predicted):
    return [
        {"digest": f"d{i}", "given": "moss", "predicted": name, "confidence": 0.5 + i / 10}
        for i, name in enumerate(predicted)
    ]


def test_samples_say_how_many_are_right_now_and_were_at_first():
    told = [
        {"epoch": 1, "answers": answers("rust", "moss")},
        {"epoch": 3, "answers": answers("moss", "moss")},
    ]
    assert (
        sample_panel.finding(told)
        == "After epoch 3 it names 2 of these 2 valid images as they are labelled; after epoch 1, 1."
    )
    assert (
        sample_panel.finding(told[:1])
        == "After epoch 1 it names 1 of these 2 valid images as they are labelled."
    )
    assert sample_panel.course(told) == "Epoch 1: 1 of 2  \nEpoch 3: 2 of 2"


def test_a_wrong_answer_stands_beside_its_label_and_names_are_no_markup():
    assert sample_panel.answered(answers("moss")[0]) == ":green[moss] 50%"
    assert sample_panel.answered(answers("b*d")[0]) == r":red[b\*d] 50%, is moss"
