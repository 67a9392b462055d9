"""Front door: one process serves the pages and the public API. Start it with ``scripts/run``."""

import streamlit as st
from starlette.middleware import Middleware

from riskmap.public import api, static_files
from riskmap.settings import ASSETS, Settings

settings = Settings.from_environment()
app = st.App(
    "riskmap/website.py",
    routes=[*api.routes(settings.releases), *static_files.routes(assets=ASSETS, releases=settings.releases)],
    middleware=[Middleware(static_files.SecurityHeaders, tile_url=settings.tile_url)],
)
