"""Errors of the geodata package. A bad *row* is never an exception: it is a fault in quarantine."""


class GeodataError(Exception):
    """Head of the package's errors. The message says what was found, what was expected and what to do."""


class UnreadableFile(GeodataError, ValueError):
    """The file as a whole cannot be read as incidents: empty, binary, of another format, or damaged."""


class UnexpectedColumns(GeodataError, ValueError):
    """Columns are missing, doubled or of another type."""


class InvalidMapping(GeodataError, ValueError):
    """A mapping file names columns or categories that do not fit."""


class InvalidCell(GeodataError, ValueError):
    """A text or number is not an H3 cell."""


class MixedResolution(GeodataError, ValueError):
    """Cells of several resolutions stand where one is needed."""


class InvalidRegions(GeodataError, ValueError):
    """A region file lacks codes or outlines, or its outlines cannot be used."""


class UnknownTerritory(GeodataError, LookupError):
    """No territory of this name is known here."""


class InvalidTerritory(GeodataError, ValueError):
    """A territory cannot be made from what was given."""


class InvalidForm(GeodataError, ValueError):
    """A workbook is not the official form it was taken for, or its counts cannot be read."""


class InvalidPopulation(GeodataError, ValueError):
    """A population grid holds numbers that no place can have, or does not say where they belong."""


class InvalidSurroundings(GeodataError, ValueError):
    """An extract, or a file of public objects, does not say what is asked of it."""


class InvalidSurvey(GeodataError, ValueError):
    """A file of survey answers holds nothing that can be used, or is not dated or named as it must be."""


class CellsAreNotAreas(GeodataError, ValueError):
    """Something is told of areas only, and a cell, or an area no larger than one, was given."""
