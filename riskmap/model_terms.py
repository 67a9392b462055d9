"""The terms by which a forecast is judged, as pages and documents may say them."""

from models.scorecard import Criterion, StopRule
from riskmap.public.model_card import Terms


def current() -> Terms:
    """The success criterion and the stop rule that hold today."""
    criterion, rule = Criterion(), StopRule()
    return Terms(
        set_on=criterion.set_on,
        decided_by=criterion.decided_by,
        least_windows=criterion.least_windows,
        standard_errors=criterion.standard_errors,
        stop_windows=rule.windows,
    )
