"""Jobs that work on embeddings: the index of neighbours, the layout of the map, changed copies."""
