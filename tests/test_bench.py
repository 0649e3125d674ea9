"""The measurements measure what there is."""

from __future__ import annotations

import pkgutil

import pytest

from bench.stages import STAGES


@pytest.mark.parametrize("place", [place for _, place in STAGES])
def test_a_stage_that_is_measured_is_a_function_of_this_tree(place: str) -> None:
    assert callable(pkgutil.resolve_name(place))
