"""Fits to parts of the training images, from which a learning curve is measured."""
