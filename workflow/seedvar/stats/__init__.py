"""Statistics: arrays in, numbers out; no files, no plotting."""
