"""The made-up city from nothing to a release, through the same doors as any real file."""

import hashlib
import io
from datetime import UTC, datetime, time
from pathlib import Path

from geodata import made_up_city
from geodata.made_up_incidents import LAST_DAY
from geodata.territory import Territory
from riskmap.disk import replace_synced, writing_to
from riskmap.pipeline import publication
from riskmap.pipeline.deliveries import deliver
from riskmap.pipeline.publication import PublicationReport
from riskmap.pipeline.scoring import Progress
from riskmap.ports import Store
from riskmap.settings import Settings


def build(
    store: Store, settings: Settings, *, now: datetime, progress: Progress
) -> tuple[PublicationReport, Territory]:
    """Build, deliver, score and publish the made-up city; repeating it changes nothing."""
    city = made_up_city.build(progress=lambda done, total: progress("cli.demo.step.city", done, total))
    store.territories.save(city.territory)
    path = settings.data / "made_up" / f"{city.territory.name}-simulated.parquet"
    _write(city, path)
    _retire_earlier_cities(store, city.territory, path)
    deliver(
        store,
        path,
        territory=city.territory,
        # A clock set earlier must not turn the made-up days into future ones.
        now=max(now, datetime.combine(LAST_DAY, time.max, tzinfo=UTC)),
        progress=lambda done, total: progress("cli.progress.deliver", done, total),
    )
    published = publication.publish(store, settings.releases, city.territory, as_of=None, now=now, progress=progress)
    return published, city.territory


def _write(city: made_up_city.MadeUpCity, path: Path) -> None:
    packed = io.BytesIO()
    city.incidents.write_parquet(packed)
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
