"""The commands in which a model helps to clean the data: embeddings, label errors, suggestions, search."""
