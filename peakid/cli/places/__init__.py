"""Commands about where the bytes of images are."""
