"""A watermark on the photos of one class is learned as a shortcut, and heat maps name the place."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from peakid.demo import dataset
from peakid.evaluate.heat import heat_shares, trusted
from peakid.job_settings import JobSettings
from peakid.recipe.recipe import Recipe
from peakid.records import no_report

SIZE_PX = 64
CLASSES = dataset.CLASS_NAMES[:3]
MARKED = 1  # The class whose photos have the watermark.
N_IMAGES = 240  # Of all six classes.


def photos(folder):
    """Return (pixels, class, split) of sound demo photos, those of one class with a watermark."""
    found = []
    for truth in dataset.draw(folder, n_images=N_IMAGES, seed=4):
        if truth.fault is None and truth.given_label in CLASSES:
            with Image.open(folder / "photos" / truth.path) as opened:
                pixels = np.array(opened.convert("RGB").resize((SIZE_PX, SIZE_PX)))
            n = CLASSES.index(truth.given_label)
            if n == MARKED:
                pixels[-15:-2, -16:-2] = (250, 20, 240)  # A logo in the lower right corner.
                pixels[-11:-6, -12:-6] = (250, 240, 20)
            found.append((pixels, n, "valid" if len(found) % 3 == 0 else "train"))
    return found


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.mark.slow
def test_a_watermark_on_one_class_is_exposed_by_the_share_of_its_heat(tmp_path):
    from peakid.learn import heat_checks, train
    from peakid.learn.batches.data import TrainingImages
    from peakid.learn.network import model as models

    rows = photos(tmp_path)
    content = {f"image-{n}": png(pixels) for n, (pixels, _, _) in enumerate(rows)}
    labels, splits = np.array([n for _, n, _ in rows]), [split for _, _, split in rows]
    images = TrainingImages(list(content), labels, splits, list(CLASSES), content.__getitem__)
    recipe = Recipe(
        arch="plain_cnn",
        image_size_px=SIZE_PX,
        batch_size=8,
        scratch_epochs=20,
        base_lr=0.003,
        augment=0,
        is_mirrored=False,
        pretrained="none",
        device="cpu",
    )
    trained = train.train(
        images,
        recipe,
        folder=tmp_path / "run",
        cache_dir=tmp_path / "cache",
        settings=JobSettings(),
        report=no_report,
        on_epoch=lambda metrics: None,
        should_stop=lambda: False,
    )
    model, card = models.load(tmp_path / "run")
    valid = [n for n, split in enumerate(splits) if split == "valid"]
    digests, pred_probs = trained.pred_probs["valid"]
    predicted = dict(zip(digests, pred_probs.argmax(axis=1).tolist(), strict=True))
    classes = [predicted[f"image-{n}"] for n in valid]
    pixels = np.stack([rows[n][0] for n in valid])
    found = heat_checks.explain(
        model,
        card,
        pixels,
        classes,
        reference=pixels[: heat_checks.N_REFERENCE],
        seeds=range(len(valid)),
        device=torch.device("cpu"),
    )
    maps = [(heat, n) for (heat, check), n in zip(found, classes, strict=True) if trusted.is_trusted(check)]
    n_marked = sum(n == MARKED for n in classes)
    assert sum(n == MARKED for _, n in maps) >= 0.5 * n_marked >= 5
    shares = heat_shares.of_classes([heat for heat, _ in maps], [n for _, n in maps], range(len(maps)))
    named = {(each.class_index, each.region) for each in shares if each.is_shortcut}
    assert (MARKED, "bottom right") in named
    assert not any(region == "bottom right" for n, region in named if n != MARKED)
