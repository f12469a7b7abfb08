"""What ``[augmentation]`` may say, and how a mistake in it is explained."""

from __future__ import annotations

import msgspec
import pytest

from labelwright.core.errors import ProjectError
from labelwright.pipeline.settings import Settings, parse_settings

BASE = '[data]\npath = "a.csv"\n[task]\nclasses = ["a", "b"]\n'
END = '[end_model]\nkind = "text"\nfields = ["text"]\n'


def test_a_project_without_the_table_keeps_what_it_kept_before():
    settings = parse_settings(BASE + END)
    plain = msgspec.to_builtins(settings)
    assert "augmentation" not in plain
    assert msgspec.convert(plain, Settings) == settings


def test_a_table_is_kept_and_read_again():
    settings = parse_settings(BASE + END + '[augmentation]\npolicy = "random"\ncopies = 3\n')
    assert settings.augmentation.copies == 3
    assert msgspec.convert(msgspec.to_builtins(settings), Settings) == settings


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (END + '[augmentation]\npolicy = "randm"', r"'randm'. Did you mean 'random'\? Allowed: learned, random"),
        (END + '[augmentation]\npolcy = "random"', r"\[augmentation\] has no key 'polcy'. Did you mean 'policy'"),
        (END + '[augmentation]\ngenerator = "gro"', r"'gro'. Did you mean 'gru'\? Allowed: gru, lstm"),
        (END + "[augmentation]\ncopies = 0", "augmentation.copies is 0; it must be at least 1"),
        (END + '[augmentation]\npolicy = "random"\nsteps = 9', "steps is given, but it is of the learned policy"),
        (END + '[augmentation]\npolicy = "random"\nvalid = true', "valid is given, but it is of the learned policy"),
        (END + '[augmentation]\npolicy = "mean_field"', "probabilities is missing"),
        (END + "[augmentation]\nprobabilities = { a = 1.0 }", 'probabilities is given, and policy is "learned"'),
        ('[augmentation]\npolicy = "random"', "needs an end model"),
    ],
)
def test_a_mistake_names_the_key_and_what_is_allowed(text, match):
    with pytest.raises(ProjectError, match=match):
        parse_settings(BASE + text)
