"""The server of the map's browser tests: ``uvicorn map_server:app`` with RISKMAP_MAP_RELEASES set."""

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from riskmap.public import static_files

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

app = st.App(
    HERE / "map_page.py",
    routes=static_files.routes(assets=ROOT / "riskmap" / "assets", releases=Path(os.environ["RISKMAP_MAP_RELEASES"])),
    middleware=[Middleware(static_files.SecurityHeaders)],
)
