"""Front door: one process serves the pages and the public API. Start it with ``scripts/run``."""

from datetime import UTC, datetime

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from riskmap import kept_kinds, model_terms, severity_terms
from riskmap.council.request import civil_day
from riskmap.public import (
    api,
    area_pages,
    base_map,
    compare_pages,
    council_pages,
    embed_pages,
    fear_pages,
    follow_pages,
    front_pages,
    map_panel,
    model_card_pages,
    off_map_pages,
    open_data_pages,
    press_pages,
    privacy_pages,
    region_pages,
    scorecard_pages,
    severity_pages,
    static_files,
    static_site,
)
from riskmap.settings import ASSETS, MODEL_RESULTS, Settings

PATIENCE_S = 5.0
"""How long a page waits for a command that writes, before it asks its reader to try again."""

settings = Settings.from_environment()


def staff_routes() -> list[Route]:
    """Pages for whoever signs in; the public side knows neither them nor the store."""
    if settings.is_public_side:
        return council_pages.staff_elsewhere(settings.releases, settings.journals)
    from riskmap import assembly  # noqa: PLC0415 - the public side does not load it
    from riskmap.doors import routes as doors  # noqa: PLC0415

    return doors.routes(settings, lambda: assembly.open_store(settings, wait_s=PATIENCE_S))


app = st.App(
    "riskmap/website.py",
    routes=[
        *staff_routes(),
        *council_pages.routes(
            settings.releases,
            settings.journals,
            today=lambda: civil_day(datetime.now(UTC)),
            base=base_map.of(settings.tile_url, settings.basemap_file, settings.basemap_attribution),
        ),
        *front_pages.routes(settings.releases, settings.journals),
        *map_panel.routes(
            map_panel.Sources(
                releases=settings.releases,
                journals=settings.journals,
                today=lambda: civil_day(datetime.now(UTC)),
            )
        ),
        *scorecard_pages.routes(settings.releases),
        *model_card_pages.routes(model_terms.current(), results=MODEL_RESULTS, contact=settings.contact),
        *severity_pages.routes(severity_terms.current()),
        *open_data_pages.routes(settings.releases, settings.journals, today=lambda: civil_day(datetime.now(UTC))),
        *privacy_pages.routes(
            settings.releases,
            settings.journals,
            contact=settings.contact,
            tile_url=settings.tile_url,
            terms=kept_kinds.rows(settings.kept_for),
        ),
        *press_pages.routes(settings.releases, contact=settings.contact),
        *area_pages.routes(settings.releases, settings.journals, today=lambda: civil_day(datetime.now(UTC))),
        *follow_pages.routes(settings.releases, settings.journals),
        *embed_pages.routes(settings.releases),
        *region_pages.routes(settings.releases),
        *compare_pages.routes(settings.releases),
        *fear_pages.routes(settings.releases),
        *off_map_pages.routes(settings.releases),
        *static_site.routes(settings.site),
        *api.routes(settings.releases, settings.journals),
        *base_map.routes(settings.basemap_file),
        *static_files.routes(assets=ASSETS, releases=settings.releases),
    ],
    middleware=[
        Middleware(front_pages.FrontDoor),
        Middleware(static_files.SecurityHeaders, tile_url=settings.tile_url),
        Middleware(static_files.PackedScripts),
    ],
)
