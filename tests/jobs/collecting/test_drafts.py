"""Classes, sources and a number become searches, and a saved collection becomes that form again."""

from dataclasses import replace

import pytest

from peakid.errors import BadInput
from peakid.jobs.collecting import drafts
from peakid.jobs.collecting.drafts import ClassTerms, Draft
from peakid.jobs.collecting.plans import Estimate
from peakid.store.collecting import collections, schedules, searches
from peakid.store.workspace import Workspace

ALPS = Draft(
    "alps",
    (ClassTerms("Dom"), ClassTerms("Mönch", ("Mönch Berg", "Moench summit"))),
    ("flickr", "commons"),
    n_wanted=101,
    template="{class} mountain",
)


def test_classes_are_one_a_line_with_words_of_their_own() -> None:
    text = "Dom\n\n  Mönch  =  Mönch Berg ; Moench summit \nDom = Dom VS\na=b\n"
    found = drafts.classes_of(text)
    assert found == (
        ClassTerms("Dom", ("Dom VS",)),
        ClassTerms("Mönch", ("Mönch Berg", "Moench summit")),
        ClassTerms("a=b"),
    )
    assert drafts.classes_of(drafts.text_of(found)) == found


def test_every_class_is_searched_for_at_every_source() -> None:
    plan = drafts.plan_of(ALPS)
    assert [(each.label, each.source, each.text, each.n_wanted) for each in plan.searches] == [
        ("Dom", "flickr", "Dom mountain", 51),  # 101 photos of the class: 51 + 50.
        ("Dom", "commons", "Dom mountain", 50),
        ("Mönch", "flickr", "Mönch Berg", 26),
        ("Mönch", "flickr", "Moench summit", 25),
        ("Mönch", "commons", "Mönch Berg", 25),
        ("Mönch", "commons", "Moench summit", 25),
    ]


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (replace(ALPS, classes=()), "No class was given"),
        (replace(ALPS, sources=()), "No source was chosen"),
        (replace(ALPS, template="mountain"), "the same photos of every class"),
        (replace(ALPS, classes=tuple(ClassTerms(f"{n}") for n in range(1001))), "2,002 searches"),
    ],
)
def test_a_draft_that_cannot_be_searched_for_says_why(draft: Draft, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        drafts.plan_of(draft)


def test_what_one_source_lacks_is_taken_from_the_others() -> None:
    plan = drafts.plan_of(replace(ALPS, classes=(ClassTerms("Dom"), ClassTerms("Eiger")), n_wanted=100))
    numbers = (10, 500, None, 30)
    shared = drafts.shared_out(
        plan, [Estimate(each, n) for each, n in zip(plan.searches, numbers, strict=True)]
    )
    assert [each.n_wanted for each in shared.searches] == [10, 90, 70, 30]


@pytest.mark.parametrize("problem", ["", "The key is wrong."])
def test_a_class_without_photos_keeps_its_share_for_a_later_run(problem: str) -> None:
    plan = drafts.plan_of(replace(ALPS, classes=(ClassTerms("Dom"),), n_wanted=100))
    empty = [Estimate(each, None if problem else 0, problem=problem) for each in plan.searches]
    assert drafts.shared_out(plan, empty) == plan


def test_a_saved_collection_becomes_the_form_again(workspace: Workspace) -> None:
    draft = replace(ALPS, options={"commons": {"depth": "2"}}, licences="any", every_days=7, retrain_after=9)
    plan = drafts.plan_of(draft)
    collection_id = collections.create(workspace, draft.name, actor="human:anna")
    searches.save(workspace, collection_id, plan.searches)
    schedules.save(workspace, collection_id, every_days=7, retrain_after=9)
    assert drafts.of_collection(workspace, "alps") == draft
