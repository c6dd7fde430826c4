"""Decide what the embeddings of images say: neighbours, outliers, maps. A job computes them."""
