"""What every written document has in common: strict models, and the texts that several of them use."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

TenantName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,28}[a-z0-9]$", max_length=30)]


class Strict(BaseModel):
    """Refuses unknown fields and coercion; camelCase in YAML, snake_case in Python; values do not change."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=False
    )
