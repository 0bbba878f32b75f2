"""Training: one cell from its inputs to its files."""
