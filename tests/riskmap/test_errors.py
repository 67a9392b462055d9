"""Every error of the service can be caught as a builtin and ends a command in a stated way."""

import pytest

from riskmap import errors
from riskmap.errors import ExitStatus, RiskMapError

LEAVES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, RiskMapError)][1:]


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_a_leaf_has_a_builtin_parent_and_an_exit_status_that_is_not_success(leaf: type[RiskMapError]):
    builtin = [parent for parent in leaf.__bases__ if parent.__module__ == "builtins"]

    assert len(builtin) == 1
    assert builtin[0] is not Exception
    assert isinstance(leaf.exit_status, ExitStatus)
    assert leaf.exit_status is not ExitStatus.DONE


def test_only_a_fault_of_the_program_ends_as_unexpected():
    unexpected = {leaf.__name__ for leaf in LEAVES if leaf.exit_status is ExitStatus.UNEXPECTED}

    assert unexpected == {"RowsDoNotAddUp"}
