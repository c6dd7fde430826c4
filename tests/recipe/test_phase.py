import math

import pytest

from peakid.errors import BadInput
from peakid.recipe import loading
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.remedies import action


def test_each_schedule_has_the_shape_of_its_name():
    def at(schedule, *positions):
        return pytest.approx(
            [Phase(schedule=schedule, warmup_share=0.5).rate(position) for position in positions], abs=1e-4
        )

    assert at("one-cycle", 0, 0.25, 0.5, 0.75, 1) == [
        0.04,
        0.52,
        1,
        0.5,
        1e-5,
    ]  # Half-way along a cosine lies the middle of its ends.
    assert at("cosine", 0, 0.25, 0.5, 1) == [1, 0.8536, 0.5, 0]  # (1 + cos 45 deg) / 2 = .8536
    assert at("flat-cosine", 0, 0.74, 0.875, 1) == [1, 1, 0.5, 0]
    assert at("step", 0, 0.33, 0.34, 0.67, 1) == [1, 1, 0.1, 0.01, 0.01]
    assert at("constant", 0, 0.5, 1) == [1, 1, 1]


@pytest.mark.slow
def test_one_cycle_moves_rate_and_momentum_as_fastai_does():
    schedule = pytest.importorskip("fastai.callback.schedule")
    rate, momentum = (
        schedule.combined_cos(0.3, 1e-3 / 25, 1e-3, 1e-3 / 1e5),
        schedule.combined_cos(0.3, 0.95, 0.85, 0.95),
    )
    phase = Phase(warmup_share=0.3)
    for position in (0, 0.1, 0.3, 0.31, 0.77, 1):
        assert 1e-3 * phase.rate(position) == pytest.approx(float(rate(position)), rel=1e-6)
        assert phase.momentum(position) == pytest.approx(float(momentum(position)), rel=1e-6)


def test_a_phase_is_over_when_the_loss_has_not_fallen_for_its_patience():
    rises, waits, never = Phase(patience=1), Phase(patience=2), Phase()
    falls, rose, twice = [0.9, 0.8], [0.9, 0.8, 0.85], [0.9, 0.8, 0.85, 0.81]
    assert [rises.is_over(losses) for losses in ([], falls, rose)] == [False, False, True]
    assert [waits.is_over(losses) for losses in (falls, rose, twice)] == [False, False, True]
    assert not never.is_over([math.inf] * 50)


def test_the_simple_numbers_become_a_head_phase_and_a_body_phase_as_fine_tune_has_them():
    head, body = Recipe(head_epochs=2, body_epochs=5, base_lr=4e-3).planned(is_pretrained=True)
    assert (head.name, head.learns, head.epochs, head.base_lr, head.warmup_share) == (
        "head",
        "head",
        2,
        4e-3,
        0.99,
    )
    assert (body.name, body.learns, body.epochs, body.base_lr, body.lowest_lr_share) == (
        "body",
        "all",
        5,
        2e-3,
        0.01,
    )
    assert (body.image_size_px, body.augment) == (160, 1.0)


def test_random_weights_are_never_frozen_and_learn_at_one_rate():
    (alone,) = Recipe(scratch_epochs=7).planned(is_pretrained=False)
    assert (alone.name, alone.learns, alone.epochs, alone.lowest_lr_share) == ("scratch", "all", 7, 1.0)
    written = loading.reproduced()["flickr-mountains"].planned(is_pretrained=False)
    assert {phase.learns for phase in written} == {"all"}


def test_a_phase_never_uses_larger_images_than_the_recipe_and_can_be_limited():
    small = loading.with_settings(loading.named("thorough"), ["image_size_px=144", "max_epochs=2"])
    assert [(phase.image_size_px, phase.epochs) for phase in small.planned(is_pretrained=True)] == [
        (128, 2),
        (144, 2),
        (144, 2),
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[[phases]]\nlearns = "tail"', ["Phase 1: learns=tail", "head, all, or last-N"]),
        ("[[phases]]\nbase_lr = 3.0", ["Phase 1: base_lr=3.0", "or the word finder"]),
        ("[[phases]]\nlength = 3", ["A phase has no setting 'length'", "epochs"]),
        ("phases = []", ["list of phases is empty"]),
        ("folds = 2", ["folds=2", "at least 3"]),
        ("l1 = 0.01", ["l1=0.01", "pretrained=auto"]),
    ],
)
def test_a_phase_that_does_not_fit_is_refused_with_its_number_and_what_is_allowed(text, parts, tmp_path):
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as error:
        loading.load(tmp_path / "mine.toml")
    assert all(part in str(error.value) for part in parts), str(error.value)
    assert "\n" not in str(error.value)


def test_a_setting_that_written_out_phases_replace_is_refused_instead_of_doing_nothing():
    with pytest.raises(
        BadInput, match="body_epochs=9 would change nothing: this recipe has 3 phases"
    ) as error:
        loading.with_settings(loading.named("thorough"), ["body_epochs=9"])
    assert [each.arguments["key"] for each in error.value.actions] == ["max_epochs", "phases"]
    assert loading.with_settings(loading.named("thorough"), ["body_epochs=9", "phases=none"]).phases is None
    with pytest.raises(BadInput, match="head_epochs=9 would change nothing: a linear head") as error:
        loading.with_settings(loading.named("quick"), ["head_epochs=9"])
    assert error.value.actions == (action("choose_recipe", recipe="standard"),)
    with pytest.raises(BadInput, match="only a linear head is refitted"):
        loading.with_settings(loading.named("standard"), ["refit=yes"])
    assert not loading.with_settings(loading.named("quick"), ["refit=no"]).refit


# Trainable layers, image size, maximal epochs, peak learning rate, patience.
SCHEDULES = {
    "swiss-peaks": [
        ("head", 112, 20, 3e-3, 1),
        ("all", 112, 20, 1e-4, 1),
        ("head", 224, 20, 1e-3, 1),
        ("all", 224, 20, 1e-4, 1),
        ("head", 448, 20, 1e-3, 1),
        ("all", 448, 20, 1e-4, 1),
    ],
    "flickr-mountains": [("head", 224, 10, 1e-3, 0), ("last-2", 224, 10, 1e-4, 0)],
    "landscapes": [("all", 150, 30, 1e-3, 5)],
    "landmarks": [("all", 224, 20, 1e-4, 0)],
    "landmarks-scratch": [("all", 224, 50, 1e-4, 0)],
    "otters": [
        ("head", 64, 5, "finder", 0),
        ("all", 64, 5, "finder", 0),
        ("head", 128, 5, "finder", 0),
        ("all", 128, 5, "finder", 0),
    ],
}
NETWORKS = {
    "swiss-peaks": ("resnet34", "auto"),
    "flickr-mountains": ("vgg16", "auto"),
    "landscapes": ("plain_cnn", "none"),
    "landmarks": ("resnet18", "auto"),
    "landmarks-scratch": ("small_resnet", "none"),
    "otters": ("resnet50", "auto"),
}


def test_published_recipes_keep_their_schedules():
    found = loading.reproduced()
    given = {
        name: [
            (p.learns, p.image_size_px, p.epochs, p.base_lr, p.patience)
            for p in each.planned(is_pretrained=True)
        ]
        for name, each in found.items()
    }
    assert given == SCHEDULES
    assert {name: (each.arch, each.pretrained) for name, each in found.items()} == NETWORKS


@pytest.mark.parametrize("name", ["landmarks", "landmarks-scratch"])
def test_the_landmark_recipes_keep_their_optimiser(name):
    given = loading.reproduced()[name]
    assert (given.batch_size, given.optimiser, given.weight_decay, given.dropout) == (64, "adam", 1e-3, 0.4)
    assert [phase.schedule for phase in given.phases] == ["constant"]


def test_a_recipe_is_unchanged_after_a_round_trip_through_the_job_table():
    for each in [*loading.presets().values(), *loading.reproduced().values()]:
        assert loading.of_values(each.model_dump()) == each
