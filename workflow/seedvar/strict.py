"""How strictly what a user writes is read."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Refuses keys that it does not know, NaN and infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


SeedNumber = Annotated[int, Field(ge=0, lt=2**31)]
