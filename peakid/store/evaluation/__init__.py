"""What evaluation adds to runs: goals, thresholds, heat maps and sets of new photos."""
