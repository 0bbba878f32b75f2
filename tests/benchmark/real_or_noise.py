"""Do the split of the spread into real and noise, and the intervals of a difference, hold? `make bench-real-or-noise`.

Runs are made up of which the truth is known: what a run answers on an example depends on how good the run is, how hard
the example is, how much the example reacts to the run, and chance that a fresh example would throw anew. Printed are
the bias of the real variance with its standard error, and how often the 95 % intervals hold the truth.
"""

import argparse

import numpy as np
import pandas as pd

from seedvar.data.metrics import SIMULATED
from seedvar.stats.agreement import weighted_scores
from seedvar.stats.real_or_noise import MOST_GROUPS, Jackknife, _noise, generalise, leave_out, split_spread

ENDLESS = 300_000  # examples that stand for all there could be
GRADED = ("spearman", "pearson", "mse")


class World:
    """A task and a recipe of which everything is known.

    Args:
        metric: Its metric.
        spread: SD over runs of how good they are; the score is nearly linear in it.
    """

    def __init__(self, metric: str, spread: float) -> None:
        self.metric, self.spread = metric, spread

    def examples(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws labels, how hard the examples are and how much they react to the run; some react contrary to it."""
        labels = rng.normal(size=n) if self.metric in GRADED else (rng.random(n) < 0.5).astype(float)
        return labels, rng.normal(size=n), 1 + rng.normal(0, 0.8, n)

    def logits(self, examples: tuple, runs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Answers the examples: runs is how good each is, shape (runs,)."""
        labels, hard, reacts = examples
        chance = rng.normal(size=(len(runs), len(labels)))
        if self.metric in GRADED:
            signal = labels * (1 + runs[:, None]) + 0.6 * hard
            return (signal + (0.5 + runs[:, None] * reacts / 3) * chance)[..., None]
        margin = 1 + hard + reacts * runs[:, None] + chance
        right = np.where(labels == 1, margin, -margin)
        return np.stack([-right / 2, right / 2], axis=2)

    def score(self, labels: np.ndarray, logits: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Scores the answers."""
        return weighted_scores(self.metric, labels, logits, weights)

    def truth(self) -> np.polynomial.Polynomial:
        """Returns the score on endless examples as a function of how good a run is."""
        nodes, scores = np.linspace(-3.5, 3.5, 9), []
        for node in nodes:
            rng = np.random.default_rng(5)  # of every node, so that chance does not stand between them
            examples = self.examples(ENDLESS, rng)
            logits = self.logits(examples, np.array([node * self.spread]), rng)
            scores.append(self.score(examples[0], logits, np.ones((ENDLESS, 1))).item())
        return np.polynomial.Polynomial.fit(nodes * self.spread, scores, 6)

    def moments(self) -> tuple[float, float]:
        """Returns mean and variance over runs of the score on endless examples."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(15)
        scores, weights = self.truth()(nodes * self.spread), weights / weights.sum()
        mean = (weights * scores).sum()
        return mean, (weights * (scores - mean) ** 2).sum()

    def noise(self, examples: int) -> float:
        """Returns the variance that a test set of so many examples adds."""
        rng = np.random.default_rng(7)
        drawn = (self.draw(40, examples, rng) for _ in range(60))
        return float(np.mean([_noise(one.values) for one in drawn]))

    def draw(self, runs: int, examples: int, rng: np.random.Generator) -> Jackknife:
        """Draws a test set and runs, and leaves out examples."""
        drawn, goodness = self.examples(examples, rng), rng.normal(0, self.spread, runs)
        return self.left_out(drawn, goodness, rng)

    def left_out(self, examples: tuple, goodness: np.ndarray, rng: np.random.Generator) -> Jackknife:
        """Leaves out the same groups of examples for all runs."""
        logits = self.logits(examples, goodness, rng)
        most = None if SIMULATED[self.metric].is_mean else MOST_GROUPS
        return leave_out(self.score, examples[0], logits, np.random.default_rng(0), most)


def try_split(metric: str, spread: float, runs: int, examples: int, times: int) -> dict[str, float]:
    """Splits the spread of made-up runs many times; returns bias and coverage."""
    world, rng = World(metric, spread), np.random.default_rng(1)
    real, noise = world.moments()[1], world.noise(examples)
    table = pd.DataFrame([split_spread(world.draw(runs, examples, rng)) for _ in range(times)])
    found = {"share": real / table["variance"].mean(), "bias": table["variance_real"].mean() / real - 1}
    found["bias_se"] = table["variance_real"].std() / real / np.sqrt(times)
    found["noise_bias"] = table["variance_noise"].mean() / noise - 1
    for name, truth in (("real", real), ("noise", noise)):
        found[name] = table[f"variance_{name}_low"].le(truth).mean() - table[f"variance_{name}_high"].lt(truth).mean()
    return found


def try_difference(metric: str, spread: float, runs: int, examples: int, times: int, paired: bool) -> dict:
    """Compares two made-up arms many times on test sets that they share; returns how often intervals held."""
    worlds, rng = (World(metric, spread), World(metric, 0.7 * spread)), np.random.default_rng(1)
    curves = [world.truth() for world in worlds]
    both = worlds[0].moments()[0] - worlds[1].moments()[0]
    held = []
    for _ in range(times):
        drawn, first = worlds[0].examples(examples, rng), rng.normal(0, 1, runs)
        second = rng.normal(0, 1, runs) * (0.87 if paired else 1) + (0.5 * first if paired else 0)
        goodness = [one * world.spread for one, world in zip((first, second), worlds, strict=True)]
        scored = [world.left_out(drawn, one, rng) for world, one in zip(worlds, goodness, strict=True)]
        row = generalise(*scored, paired)
        examples_truth = curves[0](goodness[0]).mean() - curves[1](goodness[1]).mean()
        held.append(
            {
                "both": row["both_low"] <= both <= row["both_high"],
                "examples": row["examples_low"] <= examples_truth <= row["examples_high"],
            }
        )
    return pd.DataFrame(held).mean().to_dict()


def main() -> None:
    """Prints a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--metrics", nargs="+", default=["accuracy", "matthews", "f1", "pearson", "spearman", "mse"])
    parser.add_argument("--runs", type=int, nargs="+", default=[5, 10, 20, 50])
    parser.add_argument("--examples", type=int, nargs="+", default=[100, 500, 2000])
    parser.add_argument("--spreads", type=float, nargs="+", default=[0.1, 0.3])
    given = parser.parse_args()
    for metric in given.metrics:
        for runs in given.runs:
            for examples in given.examples:
                for spread in given.spreads:
                    one = try_split(metric, spread if metric not in GRADED else spread / 3, runs, examples, given.times)
                    print(
                        f"{metric:9} {runs:3} runs {examples:5} examples, real {100 * one['share']:3.0f} %: "
                        f"bias {100 * one['bias']:+6.1f} ± {100 * one['bias_se']:4.1f} %, "
                        f"held {100 * one['real']:5.1f} %; noise: bias {100 * one['noise_bias']:+5.1f} %, "
                        f"held {100 * one['noise']:5.1f} %",
                        flush=True,
                    )
                for paired in (False, True):
                    spread = given.spreads[-1] if metric not in GRADED else given.spreads[-1] / 3
                    two = try_difference(metric, spread, runs, examples, given.times, paired)
                    print(
                        f"{metric:9} {runs:3} runs {examples:5} examples, difference{', paired' if paired else ''}: "
                        f"new examples held {100 * two['examples']:5.1f} %, both {100 * two['both']:5.1f} %",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
