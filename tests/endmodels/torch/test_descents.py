"""Fused steps are the same steps, and checkpoints do not tell one way of computing them from another."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from labelwright.endmodels.torch.descents import describe_descent, make_descent


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3))


def stepped(made: torch.nn.Module, descent: torch.optim.Optimizer) -> torch.Tensor:
    inputs = torch.linspace(-1, 1, 40).view(8, 5)
    for _ in range(10):
        descent.zero_grad()
        made(inputs).square().sum().backward()
        descent.step()
    return torch.cat([one.detach().flatten() for one in made.parameters()])


@pytest.fixture(autouse=True)
def _chance():
    with torch.random.fork_rng():
        yield


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, partial(torch.optim.AdamW, weight_decay=0.1)])
def test_fused_steps_are_the_same_to_rounding(optimizer) -> None:
    plain, fused = network(), network()
    made = make_descent(optimizer, fused.parameters(), 0.05)
    assert made.param_groups[0]["fused"]
    before = optimizer(plain.parameters(), lr=0.05)
    torch.testing.assert_close(stepped(fused, made), stepped(plain, before), rtol=1e-5, atol=1e-6)
    assert describe_descent(made) == describe_descent(before)
    # What an older version wrote goes on as it began.
    made.load_state_dict(before.state_dict())
    assert not made.param_groups[0]["fused"]


def test_what_was_chosen_stays() -> None:
    chosen = make_descent(partial(torch.optim.Adam, foreach=True), network().parameters(), 0.1)
    assert chosen.param_groups[0]["foreach"]
    assert not chosen.param_groups[0]["fused"]
    assert "fused" not in make_descent(torch.optim.Adadelta, network().parameters(), 0.1).param_groups[0]
    assert (
        type(make_descent(lambda some, lr: torch.optim.SGD(some, lr=lr), network().parameters(), 0.1))
        is torch.optim.SGD
    )


def test_without_fused_steps_there_are_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = torch.optim.Adam.__init__

    def older(self, params, **settings) -> None:
        if settings.get("fused"):
            raise RuntimeError("`fused=True` requires all the params to be floating point Tensors of ['cuda']")
        plain(self, params, **settings)

    monkeypatch.setattr(torch.optim.Adam, "__init__", older)
    assert not make_descent(torch.optim.Adam, network().parameters(), 0.1).param_groups[0]["fused"]
