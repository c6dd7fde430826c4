import subprocess
import sys

import pytest

from peakid.errors import BadInput, UnknownArchitecture
from peakid.recipe import loading
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe


def test_settings_change_only_what_they_name():
    changed = loading.with_settings(
        Recipe(), ["arch=mobilenet_v2", "base_lr=0.01", "is_mirrored=no", "seed = 7"]
    )
    assert (changed.arch, changed.base_lr, changed.is_mirrored, changed.seed) == (
        "mobilenet_v2",
        0.01,
        False,
        7,
    )
    assert changed.model_dump(exclude={"arch", "base_lr", "is_mirrored", "seed"}) == Recipe().model_dump(
        exclude={"arch", "base_lr", "is_mirrored", "seed"}
    )


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("epochs=3", ["'epochs'", "head_epochs"]),
        ("batch_size=many", ["batch_size=many", "0..1024 images"]),
        ("batch_size=1", ["batch_size=1", "BatchNorm", "0 for automatic"]),
        ("base_lr=0", ["base_lr=0", "over 0"]),
        ("resize=stretch", ["resize=stretch", "crop|squish|pad"]),
        ("device=tpu", ["device=tpu", "auto|cuda|mps|cpu"]),
        ("seed", ["'seed'", "key=value"]),
        ("pretrained=/nowhere/w.pth", ["/nowhere/w.pth", "require"]),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_with_its_value_and_what_is_allowed(setting, parts):
    with pytest.raises(BadInput) as error:
        loading.with_settings(Recipe(), [setting])
    assert all(part in str(error.value) for part in parts), str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_architecture_is_refused_with_similar_names():
    with pytest.raises(UnknownArchitecture, match=r"resnet19.*Did you mean resnet18 or"):
        loading.with_settings(Recipe(), ["arch=resnet19"])


def test_a_vision_transformer_takes_one_size_only():
    with pytest.raises(BadInput, match="vit_b_16 takes images of 224 px only, not 96 px"):
        loading.with_settings(Recipe(), ["arch=vit_b_16", "image_size_px=96"])
    assert loading.with_settings(Recipe(), ["arch=vit_b_16", "image_size_px=224"]).arch == "vit_b_16"


def test_a_recipe_that_learns_nothing_is_refused():
    with pytest.raises(BadInput, match="both 0"):
        loading.with_settings(Recipe(), ["head_epochs=0", "body_epochs=0"])


def test_a_weights_path_becomes_absolute_because_the_job_runs_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "w.pth").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    assert loading.with_settings(Recipe(), ["pretrained=w.pth"]).pretrained == str(tmp_path / "w.pth")


def test_a_recipe_file_holds_only_differences(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('about = "Mine."\nbody_epochs = 9\n', encoding="utf-8")
    assert loading.load(file) == Recipe(body_epochs=9)


def test_a_bad_recipe_file_is_one_clear_line(tmp_path):
    broken, unknown = tmp_path / "broken.toml", tmp_path / "unknown.toml"
    broken.write_text("body_epochs = = 9", encoding="utf-8")
    unknown.write_text("epochs = 9", encoding="utf-8")
    for file, part in [
        (broken, "not valid TOML"),
        (unknown, "no setting 'epochs'"),
        (tmp_path / "none.toml", "cannot be read"),
    ]:
        with pytest.raises(BadInput, match=part):
            loading.load(file)


def test_the_presets_are_recipes_with_a_sentence_each():
    assert list(loading.presets()) == ["quick", "standard", "thorough", "scratch"]
    assert loading.presets()["standard"] == Recipe()
    assert loading.presets()["quick"] == Recipe(method="linear-head", arch="timm/tf_efficientnet_lite0")
    assert [phase.image_size_px for phase in loading.presets()["thorough"].planned(is_pretrained=True)] == [
        128,
        160,
        224,
    ]
    assert (loading.presets()["scratch"].pretrained, loading.presets()["scratch"].arch) == (
        "none",
        "small_resnet",
    )
    assert all(note.endswith(".") for note in loading.preset_notes().values())


@pytest.mark.parametrize("model", [Recipe, Phase])
def test_every_field_has_a_title_a_unit_and_a_one_line_description(model):
    for name, field in model.model_fields.items():
        assert field.title, name
        assert field.description.endswith("."), name
        assert len(field.description) <= 100, name
        assert field.json_schema_extra["unit"], name
    titles = [field.title for field in model.model_fields.values()]
    assert len(set(titles)) == len(titles)


def test_the_values_that_a_field_accepts_are_one_line():
    assert loading.allowed("image_size_px") == f"32..1024 px, default {Recipe().image_size_px}"
    assert loading.allowed("fraction") == "over 0, up to 1, default 1.0"
    assert loading.allowed("seed") == "0..2147483647, default 0"
    assert loading.allowed("is_mirrored") == "yes/no, default yes"
    assert loading.allowed("image_size_px", Phase) == "32..1024 px"
    assert loading.allowed("name", Phase) == "word, default empty"


def test_the_recipe_loads_without_torch_so_that_pages_may_show_it():
    code = "import sys; from peakid.recipe import loading, cost_guess, grid; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
