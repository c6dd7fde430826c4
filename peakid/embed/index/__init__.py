"""An index of the nearest neighbours in several million embeddings, in shards. It is a cache."""
