"""Errors of the models package."""


class ModelError(Exception):
    """Head of the package's errors. The message says what was found, what was expected and what to do."""


class UndefinedMetric(ModelError, ValueError):
    """A metric has no value for this input, such as a hit rate without any incident."""


class TooLittleHistory(ModelError, ValueError):
    """The record is too short for what was asked of it."""


class MismatchedSupport(ModelError, ValueError):
    """Arrays that should follow the same cells differ in length, or days lie outside the history."""


class UnknownModel(ModelError, LookupError):
    """No contender of this name is known."""


class InvalidRule(ModelError, ValueError):
    """The thresholds of a class rule contradict each other."""


class InvalidModelData(ModelError, ValueError):
    """A fitted model holds something that is not plain data, or its parts contradict each other."""


class NotAdditive(ModelError, ArithmeticError):
    """The parts of a forecast do not add up to it."""


class UnknownTerm(ModelError, LookupError):
    """No reason is known for a term of a model."""


class UnguardedIncidents(ModelError, TypeError):
    """Incidents to learn from were put together without the guard that leaves out what patrols discover."""
