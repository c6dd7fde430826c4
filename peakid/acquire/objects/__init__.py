"""Imports from an image store: what is listed there, what is read, and what is known already."""
