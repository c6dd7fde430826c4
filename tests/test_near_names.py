from peakid import near_names


def test_a_typing_error_leads_to_the_names_that_resemble_it():
    commands = ["train", "tta", "restore", "evaluate"]
    assert near_names.suggestion("trian", commands) == "Did you mean 'train'?"
    assert near_names.suggestion("eval", commands) == "Did you mean 'evaluate'?"  # It begins the name.
    assert near_names.suggestion("zebra", commands) == ""
    assert near_names.suggestion("", commands) == ""


def test_case_accents_and_underscores_do_not_count():
    assert near_names.near("MONCH", ["Mönch", "Eiger"]) == ["Mönch"]
    assert near_names.near("low-information", ["low_information", "dark"]) == ["low_information"]


def test_at_most_three_names_are_suggested_the_nearest_first():
    names = ["eiger-1", "eiger-2", "eiger-3", "eiger-4", "eiger"]
    assert near_names.near("eigr", names)[0] == "eiger"
    assert len(near_names.near("eigr", names)) == 3


def test_one_letter_suggests_nothing_that_only_begins_with_it():
    assert near_names.near("e", ["eiger", "evaluate"]) == []


def test_the_remedy_goes_on_after_the_suggestion():
    assert near_names.remedy("drk", ["dark"], "Use one of: dark.") == "Did you mean 'dark'? Use one of: dark."
    assert near_names.remedy("x", ["dark"], "Use one of: dark.") == "Use one of: dark."
