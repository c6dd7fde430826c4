"""The names of the files in a run's folder."""

WEIGHTS = "model.safetensors"
CARD = "model.json"  # What is needed to use the weights: classes, preprocessing, recipe.
SAMPLES = "samples.json"  # Predictions for a few validation images, epoch by epoch.
PLAN = "plan.json"  # Batch size and epochs, where they were chosen by measuring.
