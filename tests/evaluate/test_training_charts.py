"""Figures about runs: their titles and labels, and logarithmic axes."""

import pytest

from peakid.evaluate import training_charts
from peakid.recipe import loading as recipes
from peakid.recipe import schedule
from peakid.recipe.phase import Phase
from peakid.records import EpochMetrics


def title(figure):
    return figure.layout.title.text


def texts(figure):
    return [each.text for each in figure.layout.annotations]


def epochs(*losses):
    return [EpochMetrics(i + 1, "head", 1.0, loss, 1 - loss / 2, 1e-3, 1.0) for i, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1e-3, "0.001"),
        (1.2e-3, "0.0012"),
        (1.2e-4, "1.2e-4"),
        (5e-7, "5e-7"),
        (0.05, "0.05"),
        (1.0, "1"),
        (0.00123, "0.0012"),
        (9.9997e-4, "0.001"),
    ],
)
def test_a_learning_rate_is_written_with_two_digits(value, said):
    assert training_charts.rate(value) == said


def test_the_planned_learning_rate_names_its_phases_and_its_maximum():
    figure = training_charts.planned_rates(
        schedule.over_epochs(recipes.named("standard").planned(is_pretrained=True))
    )
    assert title(figure) == "8 epochs in 2 phases; highest learning rate in head: 0.001"
    assert texts(figure) == ["head", "body"]
    assert figure.layout.yaxis.type == "log"
    assert all(rate > 0 for line in figure.data for rate in line.y)
    assert {line.line.dash for line in figure.data} == {"solid"}


def test_the_titles_of_the_axes_name_what_is_drawn_along_them():
    lines = schedule.over_epochs((Phase(name="all", epochs=4),))
    figures = [
        training_charts.planned_rates(lines),
        training_charts.rate_curve([1e-4, 1e-3, 1e-2], [1.0, 0.5, 2.0], {"valley": 1e-3}),
        training_charts.compared({"Run 1": epochs(1.0, 0.5)}),
    ]
    titles = [(figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) for figure in figures]
    assert titles == [
        ("Epoch", "Learning rate (per step)"),
        ("Learning rate (per step)", "Loss (smoothed)"),
        ("Epoch", None),
    ]
    assert [round(x, 6) for x in figures[1].data[0].x] == [1e-4, 1e-3, 1e-2]


def test_an_unknown_learning_rate_is_dotted_and_has_no_number():
    figure = training_charts.planned_rates(
        schedule.over_epochs(recipes.named("otters").planned(is_pretrained=True))
    )
    assert title(figure) == "20 epochs in 4 phases; the LR finder sets the peak when each phase starts"
    assert {line.line.dash for line in figure.data} == {"dot"}


def test_the_present_epoch_of_a_run_is_marked():
    lines = schedule.over_epochs((Phase(name="all", epochs=4),))
    assert "3 done" in texts(training_charts.planned_rates(lines, n_done=3))
    assert not [each for each in texts(training_charts.planned_rates(lines)) if "done" in each]


def test_the_names_of_short_phases_are_on_two_lines():
    lines = schedule.over_epochs(tuple(Phase(name=f"phase {i}", epochs=1 if i < 3 else 30) for i in range(4)))
    figure = training_charts.planned_rates(lines)
    assert len({each.yshift for each in figure.layout.annotations}) == 2


def test_the_lr_finder_marks_all_four_suggestions_and_the_usual_one():
    rates = [1e-7 * 10 ** (i / 10) for i in range(80)]
    losses = [1.0 - 0.01 * i if i < 50 else 0.5 + 0.2 * (i - 50) for i in range(80)]
    found = {"valley": 1.2e-3, "slide": 4e-3, "minimum": 1e-3, "steep": 2e-4}
    figure = training_charts.rate_curve(rates, losses, found)
    assert title(figure) == "The loss falls up to a learning rate of 0.01; usual choice: 0.0012"
    assert texts(figure) == ["steep 2e-4", "minimum 0.001", "valley 0.0012", "slide 0.004"]
    assert [round(10**each.x, 7) for each in figure.layout.annotations] == [2e-4, 1e-3, 1.2e-3, 4e-3]
    assert figure.layout.yaxis.range[1] < max(losses)  # The divergence is cut off.


def test_losses_of_compared_runs_are_told_with_three_decimals():
    losses, shares = training_charts.compared({"Run 1": epochs(2 / 3, 1 / 3)}).data
    assert [*losses.customdata] == ["0.667", "0.333"]
    assert [*shares.customdata] == ["67 %", "83 %"]


def test_compared_runs_are_named_at_their_ends_without_overlap():
    figure = training_charts.compared({"Run 1": epochs(1.0, 0.5), "Run 2": epochs(0.9, 0.51), "Run 3": []})
    assert title(figure) == "Lowest validation loss: Run 1 (0.50, accuracy 75 %)"
    named = [each for each in figure.layout.annotations if each.text.startswith("Run")]
    assert sorted(each.text for each in named) == ["Run 1", "Run 1", "Run 2", "Run 2"]
    left = sorted(each.y for each in named if each.xref == "x")
    assert left[1] - left[0] >= 0.04  # 8 % of the axis, which ends at .51.
    assert len({line.line.color for line in figure.data}) == 2


def test_runs_without_an_epoch_have_a_title():
    assert title(training_charts.compared({"Run 1": [], "Run 2": []})) == "No epoch is finished yet"


def test_the_name_of_a_short_last_phase_ends_inside_the_figure_and_above_the_one_before():
    lines = schedule.over_epochs((Phase(name="head", epochs=18), Phase(name="fine details", epochs=2)))
    first, last = training_charts.planned_rates(lines).layout.annotations
    assert (first.x, first.xanchor) == (0, "left")
    assert (last.x, last.xanchor) == (20, "right")
    assert last.yshift > first.yshift + 13  # The height of a line of text.
    long = schedule.over_epochs((Phase(name="head", epochs=10), Phase(name="body", epochs=10)))
    assert [each.xanchor for each in training_charts.planned_rates(long).layout.annotations] == ["left"] * 2


def test_the_name_of_a_high_suggestion_is_to_the_left_of_its_line():
    rates = [10**-n for n in range(6, -1, -1)]
    figure = training_charts.rate_curve(rates, [1.0] * 7, {"steep": 1e-5, "slide": 0.5})
    assert [each.xanchor for each in figure.layout.annotations] == ["left", "right"]
