"""Which models stand in a backtest, by name: the baselines and the layers that may be served."""

from models import baselines, shrinkage
from models.errors import UnknownModel
from models.risk_model import Tune

SERVED: dict[str, Tune] = {"eb": shrinkage.tune}
CONTENDERS: dict[str, Tune] = {**baselines.BASELINES, **SERVED}


def contender(name: str) -> Tune:
    """How to tune the model of this name.

    Raises
    ------
    UnknownModel
        Naming the models there are.
    """
    if name not in CONTENDERS:
        raise UnknownModel(f"No model is called {name!r}; there are {', '.join(CONTENDERS)}.")
    return CONTENDERS[name]
