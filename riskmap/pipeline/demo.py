"""The made-up city from nothing to a release, through the same doors as any real file."""

import hashlib
import io
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl

from geodata import made_up_city, made_up_objects, made_up_survey
from geodata.made_up_city import MadeUpCity
from geodata.made_up_incidents import LAST_DAY
from geodata.territory import Territory
from riskmap import installation_key
from riskmap.disk import replace_synced, writing_to
from riskmap.pipeline import publication, surroundings, survey
from riskmap.pipeline.deliveries import deliver
from riskmap.pipeline.publication import PublicationReport
from riskmap.pipeline.scoring import Progress
from riskmap.pipeline.surroundings import OwnersWord, Provenance
from riskmap.ports import Store
from riskmap.settings import Settings

ASKED_BY = date(2025, 12, 20)
"""Day of the simulated survey."""


def build(
    store: Store, settings: Settings, *, now: datetime, progress: Progress
) -> tuple[PublicationReport, Territory]:
    """Build, deliver, score and publish the made-up city; repeating it changes nothing."""
    city = made_up_city.build(progress=lambda done, total: progress("cli.demo.step.city", done, total))
    store.territories.save(city.territory)
    path = settings.data / "made_up" / f"{city.territory.name}-simulated.parquet"
    _write(city.incidents, path)
    _retire_earlier_cities(store, city.territory, path)
    # A clock set earlier must not turn the made-up days into future ones.
    received = max(now, datetime.combine(LAST_DAY, time.max, tzinfo=UTC))
    deliver(
        store,
        path,
        territory=city.territory,
        now=received,
        progress=lambda done, total: progress("cli.progress.deliver", done, total),
    )
    _ask(store, settings, city.territory, now=received)
    _show_objects(store, settings, city, now=received)
    published = publication.publish(store, settings.releases, city.territory, as_of=None, now=now, progress=progress)
    return published, city.territory


def _ask(store: Store, settings: Settings, territory: Territory, *, now: datetime) -> None:
    """Take in the simulated survey of the city."""
    path = settings.data / "made_up" / f"{territory.name}-survey-simulated.parquet"
    _write(made_up_survey.answers(), path)
    survey.load(
        store,
        path,
        territory_name=territory.name,
        source=made_up_survey.SOURCE,
        dated=ASKED_BY,
        now=now,
        is_simulated=True,
    )


def _show_objects(store: Store, settings: Settings, city: MadeUpCity, *, now: datetime) -> None:
    """Take in the simulated public objects of the city; its models do not learn from them."""
    path = settings.data / "made_up" / f"{city.territory.name}-objects-simulated.parquet"
    _write(made_up_objects.objects(city), path)
    surroundings.load_objects(
        store.territories,
        store.surroundings,
        path,
        territory_name=city.territory.name,
        kind=None,
        provenance=Provenance(source=made_up_objects.OWNER, dated=made_up_objects.DATED),
        key=installation_key.load(settings.data),
        now=now,
        word=OwnersWord(owner=made_up_objects.OWNER, said_on=made_up_objects.DATED),
        is_shown_only=True,
    )


def _write(frame: pl.DataFrame, path: Path) -> None:
    packed = io.BytesIO()
    frame.write_parquet(packed)
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_synced(path, packed.getvalue())


def _retire_earlier_cities(store: Store, territory: Territory, path: Path) -> None:
    """Incidents of a city drawn by an earlier version or seed must not mix with those of this one."""
    current = hashlib.sha256(path.read_bytes()).hexdigest()
    with store.work() as work:
        for delivery in work.deliveries.adopted(territory.name):
            if delivery.sha256 != current:
                work.deliveries.supersede(delivery.delivery_id)
                work.lake_files.remove(delivery.delivery_id)
        work.commit()
