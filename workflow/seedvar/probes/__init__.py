"""Probes: measurements on the weights of finished cells, each one job."""
