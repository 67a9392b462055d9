"""The script Streamlit runs for every visitor: language and place from the address, then one screen."""

import logging
import secrets

import streamlit as st

from riskmap import wording
from riskmap.errors import DamagedRelease, NoRelease
from riskmap.public import map_panel, page
from riskmap.screens import frame, place
from riskmap.settings import Settings

logger = logging.getLogger(__name__)


def show(settings: Settings) -> None:
    """Draw the page that the address asks for; whatever goes wrong is said in the reader's language."""
    words = wording.in_language(wording.language_or_default(st.query_params.get("lang")))
    name = st.query_params.get("place", page.COUNTRY)
    frame.begin(settings, words, place_name=name)
    try:
        place.show(map_panel.opened(settings.releases, name, st.query_params), settings, words)
    except NoRelease:
        frame.apologise(words, "error.no_release" if name == page.COUNTRY else "error.unknown_place")
    except DamagedRelease:
        logger.exception("release of %s is damaged", name)
        frame.apologise(words, "error.damaged_release")
    except Exception:
        reference = secrets.token_hex(4)
        logger.exception("page failed, reference %s", reference)
        frame.apologise(words, "error.internal", reference=reference)
    frame.end(settings, words)


show(Settings.from_environment())
