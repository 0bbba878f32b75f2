"""Models: where they come from, how a cell's network is built from them."""
