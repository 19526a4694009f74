"""Communities, made of whatever somebody found."""

from __future__ import annotations

import math

import pytest

from graph_orch import Communities
from graph_orch.errors import ValidationError


def made(groups=(("a",),), modularity=0.5, algorithm="leiden", resolution=1.0, seed=0):
    return Communities.of(groups, modularity, algorithm, resolution, seed)


def test_empty_groups_are_none():
    assert made([[], ["b", "a"], ()]).members == [["a", "b"]]
    assert made([[], ["a"]]).run_id == made([["a"]]).run_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"groups": 5},
        {"groups": "ab"},
        {"groups": ["ab"]},
        {"groups": [5]},
        {"groups": [None]},
        {"modularity": math.nan},
        {"modularity": None},
        {"algorithm": "guessing"},
        {"resolution": math.nan},
        {"resolution": math.inf},
        {"resolution": 0},
        {"seed": -1},
        {"seed": 10**400},
        {"seed": "a"},
    ],
)
def test_what_is_not_acceptable(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        made(**wrong)
