"""The panels of the queues of the live head: what is accepted, audited, and how many errors remain."""

import pytest

from peakid.curate import classes, decisions
from peakid.curate.queues import audits, review_queue
from peakid.records import Choice
from peakid.suggest import accept


@pytest.fixture
def suggested(workspace, plant):
    """Twelve images without a label with suggestions of a confidence of .99 to .88, and two classes."""
    for name in ("river", "sea"):
        classes.add(workspace, name)
    digests = list(plant({f"image-{n:02}": None for n in range(12)}).values())
    with workspace.transaction() as connection:
        for n, digest in enumerate(digests):
            connection.execute(
                "INSERT INTO suggestion (image_id, suggested_class_id, confidence)"
                " SELECT id, 1, ? FROM image WHERE digest = ?",
                (0.99 - 0.01 * n, digest),
            )
    return digests


def button(app, label):
    return next(each for each in app.button if each.label.replace("\\", "").startswith(label))


def test_suggestions_above_a_threshold_are_accepted_audited_and_taken_back(
    workspace, suggested, open_page, text_of
):
    app = open_page("review", queue="suggestions")
    # .99 to .95 are five; by their own confidence, 1 to 5 % of them are wrong.
    assert "Expected to be wrong: 3.0\u00a0%." in text_of(app)
    button(app, "Accept 5 suggestions above 95 %").click().run()
    assert "Accepted 5 suggestions above 95 %. Audit: none of 5 judged yet." in text_of(app)
    assert button(app, "Accept 0 suggestions").disabled

    queue = accept.newest(workspace).queue
    sample = review_queue.page(workspace, queue)
    choices = [Choice(each.digest, "label", "river", basis={"queue": queue}) for each in sample[:4]]
    choices.append(Choice(sample[4].digest, "label", "sea", basis={"queue": queue}))
    decisions.decide(workspace, choices, actor="human:anna")
    app = open_page("review", queue=queue)
    assert "Audit: 1 of 5 wrong (20 %, 20-20 %)." in text_of(app)

    button(app, "Undo").click().run()
    assert "Undone." in text_of(app)
    app = open_page("review", queue="suggestions")
    assert "Accept 0" not in text_of(app)
    assert len(review_queue.page(workspace, "suggestions")) == 7  # Five were judged by a person: they stay.


def test_the_slider_counts_what_would_be_accepted(suggested, open_page):
    app = open_page("review", queue="suggestions")
    app.slider[0].set_value(90).run()
    assert button(app, "Accept 10 suggestions above 90 %")


def test_the_line_about_remaining_errors_opens_the_sample_that_it_needs(workspace, fill, open_page, text_of):
    fill(river=20, sea=20)
    app = open_page("review", queue="label-issues")
    assert "How many of 40 labels without review are wrong is not known yet" in text_of(app)
    button(app, "Judge a random sample of 40 labels").click().run()
    assert "audit:labels:40" in app.query_params["queue"]


def test_the_estimate_stands_above_a_sample_that_is_judged(workspace, plant, open_page, text_of):
    plant({f"image-{n:03}": "river" for n in range(300)})
    queue = audits.labels_queue(100)
    sample = review_queue.page(workspace, queue, limit=100)
    choices = [Choice(each.digest, "label", "river", basis={"queue": queue}) for each in sample]
    decisions.decide(workspace, choices, actor="human:anna")
    app = open_page("review", queue=queue)
    # 0 of 100 wrong, 200 left: beta(.5, 100.5) has the 97.5 % point .0248, about five of 200.
    assert "Perhaps no label error (0 to 6) remains in 200 labels without review" in text_of(app)
    assert button(app, "Judge a random sample of 100 labels")
    assert button(app, "Back to label issues")
