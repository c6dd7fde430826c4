import pytest

from peakid.learn import diagnostics
from peakid.learn.watch import History
from peakid.recipe.phase import Phase
from peakid.records import EpochMetrics

PHASES = (Phase(name="head"), Phase(name="body"))


def history(*rows):
    """Make a history of (phase, training loss, validation loss)."""
    epochs = [
        EpochMetrics(i + 1, phase, train, valid, 0.5, 1e-3, 1.0)
        for i, (phase, train, valid) in enumerate(rows)
    ]
    return History(epochs=epochs, best=min(epochs, key=lambda each: each.valid_loss))


def test_a_loss_that_rises_on_valid_while_it_falls_on_train_is_called_overfitting():
    (warning,) = diagnostics.diagnose(
        history(*[("body", 0.9 - 0.2 * i, valid) for i, valid in enumerate([0.6, 0.5, 0.55, 0.6, 0.7])]),
        PHASES,
    )
    assert warning.kind == "overfitting"
    assert "after epoch 2: until epoch 5 the training loss fell from 0.70 to 0.10" in warning.text
    assert "validation loss rose from 0.50 to 0.70. Epoch 2 was kept" in warning.text


@pytest.mark.parametrize(
    "valid",
    [
        [0.6, 0.5, 0.55, 0.7],  # Two worse epochs are noise.
        [0.6, 0.5, 0.51, 0.52, 0.53],  # Six percent worse is not significant.
        [0.6, 0.55, 0.53, 0.52, 0.5],
    ],
)
def test_a_healthy_curve_is_left_alone(valid):
    assert (
        diagnostics.diagnose(
            history(*[("body", 0.9 - 0.2 * i, each) for i, each in enumerate(valid)]), PHASES
        )
        == []
    )


def test_a_phase_that_begins_with_a_jump_and_never_comes_back_has_too_high_a_rate():
    (warning,) = diagnostics.diagnose(
        history(("head", 0.6, 0.5), ("body", 1.9, 1.4), ("body", 1.2, 0.9)), PHASES
    )
    assert warning.kind == "high_rate"
    assert "too high in phase 'body'" in warning.text
    assert "from 0.50 to 1.40" in warning.text
    assert (
        diagnostics.diagnose(history(("head", 0.6, 0.5), ("body", 1.9, 1.4), ("body", 0.5, 0.4)), PHASES)
        == []
    )  # It came back.
