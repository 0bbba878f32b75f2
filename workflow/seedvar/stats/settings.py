"""What all statistics share."""

ALPHA = 0.05  # level of every test
CONFIDENCE = 0.95  # of every interval
RESAMPLES = 10_000  # of a bootstrap of runs
FEWER_RESAMPLES = 1_000  # where each of them is itself a computation over examples
SEED = 0  # of every random draw
