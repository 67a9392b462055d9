"""Asks the public routes over a folder of releases as a browser would, without a socket."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
from starlette.applications import Starlette

from riskmap import kept_kinds
from riskmap.public import (
    api,
    area_pages,
    compare_pages,
    council_pages,
    embed_pages,
    fear_pages,
    follow_pages,
    front_pages,
    map_panel,
    off_map_pages,
    open_data_pages,
    press_pages,
    privacy_pages,
    region_pages,
    scorecard_pages,
    static_files,
    static_site,
)
from riskmap.settings import ASSETS, KeptFor


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicClient:
    """One request a call; nothing is kept between them."""

    releases: Path
    journals: Path | None = None
    """Folder of journals; without one, a folder beside the releases that need not exist."""
    contact: str | None = None

    today: date = date(2026, 11, 23)

    def get(self, address: str, **parameters: str) -> httpx.Response:
        return self.ask(address, parameters)

    def ask(
        self,
        address: str,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
    ) -> httpx.Response:
        journals = self.journals or self.releases.with_name("journals")
        routes = [
            *council_pages.routes(self.releases, journals),
            *front_pages.routes(self.releases, journals),
            *map_panel.routes(map_panel.Sources(releases=self.releases, journals=journals, today=lambda: self.today)),
            *scorecard_pages.routes(self.releases),
            *open_data_pages.routes(self.releases, journals, today=lambda: self.today),
            *privacy_pages.routes(self.releases, journals, contact=self.contact, terms=kept_kinds.rows(KeptFor())),
            *press_pages.routes(self.releases, contact=self.contact),
            *area_pages.routes(self.releases, journals, today=lambda: self.today),
            *follow_pages.routes(self.releases, journals),
            *embed_pages.routes(self.releases),
            *region_pages.routes(self.releases),
            *compare_pages.routes(self.releases),
            *fear_pages.routes(self.releases),
            *off_map_pages.routes(self.releases),
            *static_site.routes(self.releases.with_name("site")),
            *api.routes(self.releases, journals),
            *static_files.routes(assets=ASSETS, releases=self.releases),
        ]

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=Starlette(routes=routes))
            async with httpx.AsyncClient(transport=transport, base_url="http://riskmap.test") as client:
                return await client.request(method, address, params=parameters or None, headers=headers)

        return asyncio.run(ask())
