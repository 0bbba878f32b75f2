"""Probes: measurements on the weights of finished cells, each one job, as a study asks for them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from seedvar.strict import SeedNumber, Strict

FAILED, SUCCESSFUL = "first failed", "first successful"


class RunOf(Strict):
    """One run of a study."""

    arm: str = Field(description="Name of an arm.")
    seed: SeedNumber | Annotated[tuple[SeedNumber, SeedNumber], Field(strict=False)] | Literal[FAILED, SUCCESSFUL] = (
        Field(
            description="Its seed; [initialisation seed, order seed] where they differ; or first failed or first "
            "successful: the arm's first run that failed, or that did not."
        )
    )

    @property
    def is_late(self) -> bool:
        """Whether it is known only when the arm's runs are there."""
        return self.seed in (FAILED, SUCCESSFUL)

    @property
    def seed_pair(self) -> tuple[int, int]:
        """(init seed, order seed) of the run, if it is not late."""
        return self.seed if isinstance(self.seed, tuple) else (self.seed, self.seed)


class Forgetting(Strict):
    """How much of its language a fine-tuned encoder has forgotten (Mosbach et al. 2021, Fig. 2)."""

    tasks: list[str] | None = Field(None, min_length=1, description="Tasks to probe; without it, all.")
    arms: list[str] | None = Field(None, min_length=1, description="Arms to probe; without it, all.")
    runs: int = Field(3, ge=1, le=100_000, description="Probe the first so many runs of each task and arm.")
    text: str | None = Field(
        None,
        min_length=1,
        description="A text file in UTF-8, a paragraph a line, whose masked words are to be guessed; without it "
        "WikiText-2's test set from the hub, or for synthetic data new sentences of the grammar.",
    )
    paragraphs: int = Field(500, ge=1, le=1_000_000, description="Read at most so many paragraphs of the text.")


class Surface(Strict):
    """Loss and gradient norm on the plane through three points (Mosbach et al. 2021, Fig. 7)."""

    task: str = Field(description="The task whose training loss is measured.")
    first: RunOf = Field(description="The run at (1, 0), such as a failed one; (0, 0) is where it started.")
    second: RunOf = Field(description="The run at (0, 1), such as a successful one.")
    points: int = Field(21, ge=2, le=1_000, description="Points on each axis.")
    low: float = Field(-0.5, ge=-1_000, le=1_000, description="Where both axes begin.")
    high: float = Field(1.5, ge=-1_000, le=1_000, description="Where both axes end.")
    examples: int = Field(128, ge=1, le=1_000_000, description="Training examples to average over.")

    @property
    def late_arms(self) -> list[str]:
        """The arms of which a run is chosen when all are there."""
        return [run.arm for run in (self.first, self.second) if run.is_late]


class Probes(Strict):
    """Measurements on the weights of finished cells. Weights are kept only until the probes are done."""

    forgetting: Forgetting | None = Field(
        None, description="Masked-word perplexity with the top k layers replaced by the pre-trained ones."
    )
    surface: Surface | None = Field(None, description="Loss and gradient norm between two runs.")
