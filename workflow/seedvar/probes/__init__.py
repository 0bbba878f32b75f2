"""Probes: measurements on the weights of finished cells, one module each."""
