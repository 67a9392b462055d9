"""The server of the map's browser tests: ``uvicorn map_server:app`` with RISKMAP_MAP_RELEASES set."""

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from riskmap.public import base_map, static_files

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RELEASES = Path(os.environ["RISKMAP_MAP_RELEASES"])

app = st.App(
    HERE / "map_page.py",
    routes=[
        *base_map.routes(RELEASES / "base.pmtiles"),
        *static_files.routes(assets=ROOT / "riskmap" / "assets", releases=RELEASES),
    ],
    middleware=[Middleware(static_files.SecurityHeaders)],
)
