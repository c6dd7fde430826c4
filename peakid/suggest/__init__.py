"""Decide which labels a model doubts, which ones it suggests, and how many errors remain."""
