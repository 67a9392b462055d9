"""How the map is made and how its forecast was tested, on the same page."""

import html
import json

import streamlit as st

from riskmap.public import page
from riskmap.release import Release
from riskmap.wording import Wording

PARAGRAPHS = ("shows", "shows_not", "no_forecast", "classes", "grey", "small_places", "tests", "source")
COUNTRY_PARAGRAPHS = ("shows_not", "source")
COVERAGE_PERCENT = 5
COLUMNS = {
    "pai": "pai_5",
    "pei": "pei_5",
    "hit_rate": "hit_rate_5",
    "deviance": "poisson_deviance",
    "slope": "calibration_slope",
}
"""Columns of the table and where each stands in the release's scorecard."""


def show(release: Release, words: Wording) -> None:
    """Paragraphs on the method and, where a backtest was possible, its table."""
    rule = release.manifest.get("class_rule", {})
    values = {name: round(100 * rule[name]) for name in ("sure", "likely", "margin")} if rule else {}
    values["threshold"] = release.manifest.get("disclosure", {}).get("least_count", 0)
    keys = PARAGRAPHS if release.cells.size else COUNTRY_PARAGRAPHS
    paragraphs = "".join(
        f"<h3>{html.escape(words.text(f'method.{key}.title'))}</h3>"
        f"<p>{html.escape(words.text(f'method.{key}', **values))}</p>"
        for key in keys
    )
    with st.expander(words.text("method.title")):
        st.html(f'<section class="rm-method">{paragraphs}</section>')
        if "scorecard.json" in release.manifest["files"]:
            _scorecard(json.loads((release.folder / "scorecard.json").read_bytes())["models"], words)
            st.html(f'<section class="rm-method">{_ways_on(release, words)}</section>')


def _scorecard(scorecard: list[dict[str, object]], words: Wording) -> None:
    heads = "".join(
        f'<th scope="col">{html.escape(words.text(f"scorecard.column.{c}", coverage=COVERAGE_PERCENT))}</th>'
        for c in ("model", *COLUMNS)
    )
    rows = "".join(_row(line, words) for line in scorecard if line["offence_group"] == "all")
    if rows:
        st.html(
            f'<section class="rm-table"><h2>{html.escape(words.text("scorecard.title"))}</h2>'
            f"<p>{html.escape(words.text('scorecard.intro'))}</p>"
            f'<div class="rm-scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div></section>"
        )


def _ways_on(release: Release, words: Wording) -> str:
    ways = {
        page.address(f"/scorecard/{release.territory}", lang=words.language): "scorecard.page.title",
        page.address("/model-card", lang=words.language): "modelcard.title",
        page.address("/severity-weights", lang=words.language): "severity.page.title",
    }
    return "".join(
        f'<p><a href="{html.escape(address)}" target="_self">{html.escape(words.text(key))}</a></p>'
        for address, key in ways.items()
    )


def _row(line: dict[str, object], words: Wording) -> str:
    values = [line[column] for column in COLUMNS.values()]
    cells = "".join(f"<td>{'–' if v is None else words.number(float(str(v)), digits=2)}</td>" for v in values)
    name = words.text(f"model.{line['model']}")
    return f'<tr><th scope="row">{html.escape(name)}</th>{cells}</tr>'
