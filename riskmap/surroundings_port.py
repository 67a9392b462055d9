"""What the use cases ask of storage about surroundings; see `riskmap.ports`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Whose word it is that a delivery's objects may be shown to everybody, and since which day it stands."""

    owner: str
    said_on: date
    licence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownObjects:
    """Objects that may be shown, as `PUBLIC_OBJECTS`, the day whose state they are, and whose word it is."""

    consent: Consent
    dated: date
    objects: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class SurroundingsDelivery:
    """One delivery of features, as kept: the only one of its source.

    ``fingerprint`` is over the file, how it was read, the cells it was read for and the consent. Without ``consent``
    nothing of it is shown.
    """

    source_id: str
    dated: date
    fingerprint: str
    received_at: datetime
    consent: Consent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePart:
    """One feature of a delivery: ``values`` as `SURROUNDINGS`, and the rows of `SURROUNDING_SOURCES` they stand on.

    ``values`` has no rows where the numbers are kept elsewhere: residents and addresses stand in the territory.
    """

    values: pl.DataFrame
    sources: pl.DataFrame


class SurroundingsShelf(Protocol):
    """Features of the places of territories, one delivery for each source."""

    def put(
        self,
        territory: str,
        delivery: SurroundingsDelivery,
        parts: Iterable[FeaturePart],
        objects: pl.DataFrame | None = None,
        names: pl.DataFrame | None = None,
    ) -> None:
        """Keep a delivery; the earlier one of the same source gives way in the same step."""
        ...

    def find(self, territory: str, source_id: str) -> SurroundingsDelivery | None: ...

    def sources(self, territory: str) -> pl.DataFrame:
        """All sources as `SURROUNDING_SOURCES`, by feature, measure and source; no rows where nothing was loaded."""
        ...

    def load(self, territory: str, *, features: Collection[str] | None = None) -> pl.DataFrame:
        """Values as `SURROUNDINGS`, of all features or of these; no rows where nothing was loaded."""
        ...

    def objects(self, territory: str, source_id: str) -> pl.DataFrame:
        """Public objects of a source as `PUBLIC_OBJECTS`; no rows where it has none."""
        ...

    def shown(self, territory: str) -> list[ShownObjects]:
        """Public objects that may be shown, by source; none where nobody said so."""
        ...

    def names(self, territory: str) -> pl.DataFrame:
        """Names of places of all sources as `GAZETTEER`; no rows where none were loaded."""
        ...
