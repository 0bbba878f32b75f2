"""What all statistics share: levels, sizes and the seed of random draws."""

from seedvar.words import ALPHA as ALPHA  # level of every test

CONFIDENCE = 0.95  # of every interval
RESAMPLES = 10_000  # of a bootstrap of runs, and random permutations of them
FEWER_RESAMPLES = 1_000  # where each of them is itself a computation, such as over examples
MEANINGFUL = 0.75  # Bouthillier et al. (2021): gamma, the least probability of improvement worth having
SEED = 0  # of every random draw
