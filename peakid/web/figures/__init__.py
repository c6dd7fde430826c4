"""Figures of a page, drawn as SVG by a small script of ours: that of Plotly has 4.7 MB."""
