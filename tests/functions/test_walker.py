"""The walk: classes, instances, packages, and the ways in which functions hide what they use."""

from __future__ import annotations

import dataclasses
import enum
import functools
import io
import logging
import operator
import re
import typing
from collections import OrderedDict, defaultdict, deque, namedtuple
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

import labelwright as lw
from labelwright.core.errors import VersionError
from labelwright.functions.versions import explain, version_of


def returning(value):
    return lambda x: value


def distinct(*values) -> bool:
    versions = [version_of(returning(value)) for value in values]
    assert versions == [version_of(returning(value)) for value in values]
    return len(set(versions)) == len(values)


Point = namedtuple("Point", "x y", defaults=[0])
Other = namedtuple("Other", "x z", defaults=[0])


class Typed(typing.NamedTuple):
    a: int = 1

    def total(self):
        return self.a


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Flag(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Settings:
    limit: int = 3
    words: list[str] = dataclasses.field(default_factory=list)


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a


class Words(dict):
    pass


def test_containers():
    assert distinct(
        [], (), set(), frozenset(), {}, [[]], [()], {1: 2}, {2: 1}, {"a": [1]}, {"a": (1,)}, ["a", "b"], ["ab"], ["a, b"],
        [1], [True], ["1"], OrderedDict(a=1, b=2), OrderedDict(b=2, a=1), {"a": 1, "b": 2}, defaultdict(list, a=1),
        defaultdict(set, a=1), deque([1]), deque([1], maxlen=2), MappingProxyType({"a": 1}), SimpleNamespace(a=1),
        SimpleNamespace(a=2), slice(1), slice(1, 2), np.array([[1, "a"]], dtype=object), np.array([1, "a"], dtype=object),
    )  # fmt: skip


def test_callables():
    def one(x):
        return 1

    def other(x):
        return 2

    assert distinct(
        one, other, [one], [one, other], [other, one], {"a": one}, {"a": other}, {one, 1}, {other, 1}, (one, one),
        functools.partial(one, 1), functools.partial(one, 2), functools.partial(other, 1), functools.partial(one, x=1),
        operator.itemgetter(1), operator.itemgetter(2), operator.attrgetter("a"), operator.methodcaller("lower"),
        str.lower, str.upper, "a".upper, "b".upper, len, max, re.compile("a").search, re.compile("b").search,
        re.compile("a").match, re.search, np.add, np.where, np.linalg.norm, functools.lru_cache(one),
        functools.lru_cache(other), Slotted(1).__init__, int, str, np.float32, print,
    )  # fmt: skip


def test_classes_and_instances():
    late = Slotted(1)
    late.b = 2
    assert distinct(
        Point(1), Point(1, 1), Other(1), Point, Other, Typed(), Typed(2), Typed, Color.RED, Color.BLUE, Color, Flag.A, Flag.A | Flag.B, Flag,
        Settings(), Settings(4), Settings(words=["a"]), Settings, Slotted(1), Slotted(2), late, Slotted,
        Words(a=1), Words(a=2), Words, {"a": 1},
    )  # fmt: skip


def test_a_class_of_a_function_counts_with_what_surrounds_it():
    def make(limit, base):
        class Rule(base):
            top = limit * 2

            def __call__(self, x):
                return len(x) > limit

        return Rule()

    assert len({version_of(make(limit, base)) for limit in (1, 2) for base in (object, Slotted0)}) == 4


class Slotted0:
    pass


def test_a_class_counts_by_what_its_attributes_came_to():
    def make(words):
        class Rule:
            count = len(words)

            def __call__(self, x):
                return x == self.count

        return Rule()

    assert version_of(make("ab")) == version_of(make("cd")) != version_of(make("abc"))


def test_what_is_set_on_a_class_from_outside_counts():
    def make(**attributes):
        class Rule:
            def __call__(self, x):
                return self.limit(x)

        for name, value in attributes.items():
            setattr(Rule, name, value)
        return Rule()

    versions = {
        version_of(make(**given)) for given in [{}, {"limit": 1}, {"limit": 2}, {"limit": len}, {"limit": lambda x: 1}]
    }
    assert len(versions) == 5
    assert (
        version_of(make(limit=lambda x: 2))
        == version_of(make(limit=lambda x: 2))
        != version_of(make(limit=lambda x: 3))
    )


def test_an_object_that_wraps_counts_with_its_own_class_and_state():
    class Twice:
        def __init__(self, function, times):
            functools.update_wrapper(self, function)
            self.times = times

        def __call__(self, x):
            return self.times * self.__wrapped__(x)

    def one(x):
        """Say one."""
        return 1

    def same(x):
        """Say the same."""
        return 1

    def other(x):
        return 2

    versions = [version_of(Twice(f, times)) for f in (one, other) for times in (1, 2)]
    assert len(set(versions)) == 4
    assert version_of(Twice(same, 1)) == versions[0] != version_of(one)
    assert "class Twice" in str(explain(Twice(one, 1)))


def test_tables_written_out_count_in_their_order_wherever_they_stand():
    def make_one():
        rules = {"a": lambda x: 1, "b": 2}
        return lambda x, more={"a": 1, "b": 2}: (rules, more)

    def make_two():
        rules = {"b": 2, "a": lambda x: 1}
        return lambda x, more={"a": 1, "b": 2}: (rules, more)

    def make_three():
        rules = {"a": lambda x: 1, "b": 2}
        return lambda x, more={"b": 2, "a": 1}: (rules, more)

    assert len({version_of(make()) for make in (make_one, make_two, make_three)}) == 3


def test_super_leads_to_the_base():
    def make(limit):
        class Base:
            def score(self, x):
                return x > limit

        class Rule(Base):
            def score(self, x):
                return super().score(x)

        return Rule().score, Rule.score

    for position in range(2):
        assert version_of(make(1)[position]) != version_of(make(2)[position])


def test_what_a_property_or_a_class_method_uses_counts():
    def make(limit):
        class Rule:
            @property
            def top(self):
                return limit

            @classmethod
            def low(cls):
                return -limit

            def __call__(self, x):
                return self.low() < x < self.top

        return Rule()

    assert version_of(make(1)) != version_of(make(2))


def test_wrappers_of_any_kind_lead_to_what_they_wrap():
    def plain(function):
        def wrapper(x):
            return function(x)

        return wrapper

    def polite(function):
        @functools.wraps(function)
        def wrapper(x):
            return function(x)

        return wrapper

    def one(x):
        return 1

    def other(x):
        return 2

    for wrap in (plain, polite, functools.lru_cache, functools.cache, functools.partial, staticmethod):
        assert version_of(wrap(one)) == version_of(wrap(one)) != version_of(wrap(other)), wrap
    assert version_of(plain(one)) == version_of(polite(one))  # what a wrapper calls itself does not count
    assert version_of(one) != version_of(plain(one))


def test_what_installed_code_makes_here_counts_with_what_it_holds():
    import contextlib

    def make(limit):
        @contextlib.contextmanager
        def opened():
            yield limit

        return opened

    assert version_of(returning(make(1))) != version_of(returning(make(2)))


def test_a_loop_between_instances_ends():
    one, other = SimpleNamespace(), Slotted(1)
    other.b = [other]
    assert version_of(returning(other)) == version_of(returning(other))
    one.self = one
    with pytest.raises(VersionError, match="holds itself"):
        version_of(returning(one))


def test_random_functions_are_those_of_the_standard_library():
    from random import choice, random

    assert distinct(choice, random)
    with pytest.raises(VersionError, match="Random"):
        version_of(returning(__import__("random").Random(0).choice))


def test_loggers_and_type_hints_say_nothing():
    assert version_of(returning(logging.getLogger("a"))) == version_of(returning(logging.getLogger("b")))
    assert version_of(returning(list[int])) == version_of(returning(typing.Literal[1]))


@pytest.mark.parametrize(
    "value",
    [object(), iter([]), (i for i in []), np.random.default_rng(0), io.StringIO(), SimpleNamespace(a=object()), [object()],
     {"a": [object()]}, {1: object()}, Words(a=object()), deque([object()]), {object()}, type("Made", (), {"a": 1})],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_has_no_stable_form_is_refused_and_can_be_declared(value):
    function = returning(value)
    with pytest.raises(VersionError, match=r"value(\[.*\]|\.a)*.*, used at .*test_walker.py:\d+") as caught:
        version_of(function)
    assert " at 0x" not in str(caught.value)
    assert version_of(function, depends_on=["1"]) == version_of(function, depends_on=["1"])
    assert version_of(function, depends_on=["1"]) != version_of(function, depends_on=["2"])


def test_a_function_that_changes_what_surrounds_it_is_refused():
    count = 0

    def counter(x):
        nonlocal count
        count += 1
        return count

    with pytest.raises(VersionError, match="is changed by the code that uses it"):
        version_of(counter)


def test_a_function_that_fills_a_table_around_it_is_refused():
    cache, settings = {}, SimpleNamespace(calls=0)

    def fills(x):
        cache[x] = 1

    def counts(x):
        settings.calls += 1

    class Counts:
        def __call__(self, x):
            del cache[x]

    for function, name in [(fills, "cache"), (counts, "settings"), (Counts(), "cache")]:
        with pytest.raises(VersionError, match=f"{name}, used at .* is changed by the code"):
            version_of(function)

    def own(x):
        table = {}
        table[x] = 1
        x.field = table
        return table

    assert version_of(own) == version_of(own)


def test_what_an_object_has_worked_out_so_far_does_not_count():
    class Rule:
        @functools.cached_property
        def words(self):
            return object()

        def __call__(self, x):
            return x in self.words

    rule = Rule()
    before = version_of(rule)
    assert rule.words
    assert version_of(rule) == before


def test_objects_may_say_what_they_are_made_of():
    class Model:
        def __init__(self, name):
            self.handle = object()
            self.name = name

        def __version_parts__(self):
            return {"name": self.name}

    assert version_of(Model("a")) == version_of(Model("a")) != version_of(Model("b"))
    assert version_of(returning(Model("a"))) != version_of(returning(Model("b")))


def test_constants_of_this_package_count_by_value_and_the_rest_by_version():
    def abstains(x):
        return lw.ABSTAIN

    kinds = {part.kind: part.text for part in explain(abstains).parts}
    assert kinds["constant"] == "-1"
    assert "package" not in kinds


def test_labeling_functions_may_call_each_other():
    def make(limit):
        @lw.labeling_function(resources={"limit": limit})
        def one(x, limit):
            return other(x) if len(x.text) > limit else None

        @lw.labeling_function
        def other(x):
            return one(x)

        return one, other

    first, again, changed = make(1), make(1), make(2)
    for position in range(2):
        assert first[position].version == again[position].version != changed[position].version
    assert first[0].version != first[1].version
    assert explain(first[0]).version == first[0].version
    assert explain(first[0]).changes(explain(changed[0])) == ["resource limit changed: 1 -> 2"]


def test_a_nested_declaration_answers_for_its_own_function_only():
    handle = object()

    @lw.labeling_function(depends_on=["model 1"])
    def declared(x):
        return handle

    @lw.labeling_function
    def caller(x):
        return declared(x)

    @lw.labeling_function
    def other(x):
        return declared(x) or handle

    assert len(caller.version) == 64
    with pytest.raises(VersionError, match="handle, used at"):
        _ = other.version


def test_the_explanation_prints_as_a_tree():
    limit = 3

    def helper(text):
        return len(text) > limit

    def spam(x, top=5):
        return helper(x.text) and re.search("a", x.text) and top

    lines = str(explain(spam, resources={"kb": {"a"}}, depends_on=["v1"])).splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        "function spam",
        "  default top = 5",
        "  function helper",
        "    closure value limit = 3",
        "  package re: standard library",
        "  resource kb = {'a'}",
        "  dependency depends_on[0] = 'v1'",
    ]
