"""Telling the project's own code from installed code and the standard library."""

from __future__ import annotations

import collections
import decimal
import functools
import json
import math
import operator
import os
import pathlib
import random
import re
import sys
import types

import numpy as np
import pytest
import sklearn

import labelwright
from labelwright.functions.origins import OWN, STANDARD, distribution_of, origin_of, package_of


@pytest.mark.parametrize(
    "obj",
    [json, os.path, math, sys, re.search, math.sqrt, random.random, collections.Counter, operator.itemgetter, len, int,
     pathlib.Path, decimal.Decimal, functools.reduce, functools.partial, types, str.lower, json.JSONEncoder().encode],
    ids=lambda obj: getattr(obj, "__qualname__", getattr(obj, "__name__", "")),
)  # fmt: skip
def test_the_standard_library(obj):
    assert origin_of(obj) == STANDARD


@pytest.mark.parametrize(
    ("obj", "package"),
    [(np, "numpy"), (np.linalg.norm, "numpy"), (np.add, "numpy"), (np.float32, "numpy"), (sklearn, "sklearn")],
)
def test_installed_packages(obj, package):
    assert origin_of(obj) == package


def test_own_code():
    def here(x):
        return x

    class Here:
        pass

    for obj in (here, Here, Here(), sys.modules[__name__], types.ModuleType("made")):
        assert origin_of(obj) == OWN


def test_a_wrapper_is_where_its_code_is():
    def here(x):
        return x

    @functools.wraps(json.dumps)
    def wrapper(x):
        return x

    assert origin_of(wrapper) == OWN
    assert origin_of(functools.singledispatch(here)) == STANDARD


def test_this_package_is_not_own_code_even_from_a_checkout():
    assert origin_of(labelwright) == "labelwright"
    assert origin_of(distribution_of) == "labelwright"


def test_names_are_the_same_on_every_platform_and_version():
    assert [package_of(obj) for obj in (os.path, os.getcwd, functools.reduce, pathlib.Path, operator.itemgetter)] == [
        "os", "os", "functools", "pathlib", "operator",
    ]  # fmt: skip


def test_distributions_are_found_under_their_own_names():
    assert distribution_of("numpy") == ("numpy", np.__version__)
    assert distribution_of("sklearn") == ("scikit-learn", sklearn.__version__)
    assert distribution_of("no_such_package") is None
