"""Why a row of a delivery is set aside: a closed set, one fault a row, the first that applies in this order."""

from enum import StrEnum


class Fault(StrEnum):
    """The reason a row stands in quarantine instead of among the incidents."""

    RAGGED_ROW = "ragged_row"
    MISSING_DATE = "missing_date"
    IMPOSSIBLE_DATE = "impossible_date"
    WINDOW_REVERSED = "window_reversed"
    WINDOW_TOO_LONG = "window_too_long"
    DATE_TOO_EARLY = "date_too_early"
    FUTURE_DATE = "future_date"
    INCOMPLETE_COORDINATES = "incomplete_coordinates"
    IMPOSSIBLE_COORDINATES = "impossible_coordinates"
    SWAPPED_COORDINATES = "swapped_coordinates"
    OUTSIDE_TERRITORY = "outside_territory"


MEANINGS: dict[Fault, str] = {
    Fault.RAGGED_ROW: "the row has more or fewer fields than the header, or a quotation mark is not closed",
    Fault.MISSING_DATE: "no date is given",
    Fault.IMPOSSIBLE_DATE: "the date or time cannot be read or does not exist, such as 31.02.2026 or 25:10",
    Fault.WINDOW_REVERSED: "the window ends before it starts",
    Fault.WINDOW_TOO_LONG: "the window is longer than 366 days, so the year it happened in is not known",
    Fault.DATE_TOO_EARLY: "the local day is before the earliest day accepted, 1 January 2000 unless set otherwise",
    Fault.FUTURE_DATE: "the local day, or the end of an interval, is after the day of delivery",
    Fault.INCOMPLETE_COORDINATES: "one of latitude and longitude is given without the other",
    Fault.IMPOSSIBLE_COORDINATES: "a coordinate is not a number, or beyond 90° of latitude or 180° of longitude",
    Fault.SWAPPED_COORDINATES: "the point lies outside the territory, but inside once lat and lng change places",
    Fault.OUTSIDE_TERRITORY: "the point lies outside the territory's outline, with a tolerance of 0.01°",
}
