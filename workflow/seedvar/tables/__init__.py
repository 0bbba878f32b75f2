"""The tables of a study: gathered from its cells, or made of anybody's table of runs."""
