"""What was counted in one calendar year of a release, arranged as its areas and cells are published."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid
from riskmap.attack.published import Published, months_of

Counts = NDArray[np.int64]


class CountedYear:
    """One calendar year: its regions, areas, cells and parts, and the true counts behind them.

    Attributes
    ----------
    cells : ascending; ``area_of_cell`` and ``region_of_area`` are positions in ``area_ids`` and ``region_ids``
    truth : int array of shape (n_cells, n_groups, n_months); one group where the year is not split
    truth_of_hours : int array of shape (n_areas, n_parts_of_day)
    """

    def __init__(self, published: Published, year: int, cube: pl.DataFrame) -> None:
        self.published, self.year = published, year
        areas = published.areas(year)
        self.area_ids = areas["place_id"].to_list()
        self.region_ids = sorted(areas["parent_id"].unique().to_list())
        self.region_of_area = np.searchsorted(self.region_ids, areas["parent_id"].to_numpy().astype(str))
        lists = [np.array([int(text, 16) for text in own.split(";")], dtype=np.uint64) for own in areas["cells"]]
        cells = np.concatenate(lists)
        order = np.argsort(cells)
        self.cells = cells[order]
        self.area_of_cell = np.repeat(np.arange(len(lists)), [own.size for own in lists])[order]
        self.groups = published.parts("year_group", year)
        self.quarters = published.quarters(year)
        self.months = [month for quarter in self.quarters for month in months_of(quarter)]
        self.hours = published.parts("hours", year)
        at = self._positions(cube["cell"].to_numpy())
        self.truth = self._counted(cube, at)
        self.truth_of_hours = np.zeros((len(self.area_ids), len(self.hours)), dtype=np.int64)
        if self.hours:
            part = np.array([self.hours.index(name) for name in cube["part_of_day"].to_list()], dtype=np.int64)
            is_in = at >= 0
            np.add.at(self.truth_of_hours, (self.area_of_cell[at[is_in]], part[is_in]), cube["count"].to_numpy()[is_in])

    def _positions(self, working: hexgrid.Cells) -> NDArray[np.int64]:
        at = np.full(working.size, -1)
        for resolution in np.unique(hexgrid.resolutions(self.cells)):
            parents = hexgrid.to_parent(working, int(resolution))
            near = np.minimum(np.searchsorted(self.cells, parents), self.cells.size - 1)
            at = np.where((self.cells[near] == parents) & (at < 0), near, at)
        return at

    def _counted(self, cube: pl.DataFrame, at: NDArray[np.int64]) -> Counts:
        """True counts of shape (n_cells, n_groups, n_months); one group where the year is not split."""
        found = np.zeros((self.cells.size, max(1, len(self.groups)), len(self.months)), dtype=np.int64)
        number = {group: position for position, group in enumerate(self.groups)}
        other = number.get("unspecified", 0)
        group = np.array([number.get(code, other) for code in cube["offence_group"].to_list()], dtype=np.int64)
        position = {month: number for number, month in enumerate(self.months)}
        month = np.array([position.get(f"{day:%Y-%m}", -1) for day in cube["month"].to_list()], dtype=np.int64)
        is_in = (at >= 0) & (month >= 0)
        np.add.at(found, (at[is_in], group[is_in], month[is_in]), cube["count"].to_numpy()[is_in])
        return found
