"""Peakid turns a folder of scraped photos into an image classifier whose score can be believed."""

__version__ = "0.2.0"
