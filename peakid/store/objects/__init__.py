"""Image stores by URL: opening, reading by digest with a local cache, writing originals, waiting."""
