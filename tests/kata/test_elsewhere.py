"""What would fail on another device is found on a machine that has one only; large models are built without numbers."""

import pytest
import torch
from torch import nn

from kata.laws import verbs
from kata.laws.checks import LawBroken
from kata.laws.elsewhere import Elsewhere


class Positions(nn.Module):
    """Looks up the positions of its input in a way that a test chooses."""

    def __init__(self, look_up, as_buffer=False):
        super().__init__()
        self.table = nn.Embedding(5, 2)
        self.look_up = look_up
        self.memory = {}
        numbers = torch.arange(5)
        if as_buffer:
            self.register_buffer("numbers", numbers)
        else:
            self.numbers = numbers

    def forward(self, ids):
        return self.look_up(self, ids)


def remembered(built, ids):
    """Positions that are kept as long as the device stays the same."""
    if "last" not in built.memory or built.memory["last"].device != ids.device:
        built.memory["last"] = torch.arange(3, device=ids.device)
    return built.memory["last"]


RIGHT = {
    "made where the ids are": lambda self, ids: self.table(torch.arange(ids.shape[1], device=ids.device)),
    "moved to a device": lambda self, ids: self.table(torch.arange(ids.shape[1]).unsqueeze(0).to(ids.device)),
    "moved to a tensor's device": lambda self, ids: self.table(torch.arange(ids.shape[1]).to(ids)),
    "made like the ids": lambda self, ids: self.table(torch.ones_like(ids).cumsum(dim=1) - 1),
    "an index": lambda self, ids: self.table.weight[torch.arange(ids.shape[1])],
    "a single number": lambda self, ids: self.table(ids * torch.tensor(0)),
    "used for nothing": lambda self, ids: self.table(ids) if len(torch.arange(3)) == 3 else None,
    "remembered for each device": lambda self, ids: self.table(
        self.memory.setdefault(ids.device, torch.arange(3, device=ids.device))
    ),
    "made anew on another device": lambda self, ids: self.table(remembered(self, ids)),
    "made on a device of that type": lambda self, ids: self.table(torch.arange(3, device=ids.device.type)),
    "looked at on the CPU": lambda self, ids: self.table(ids) if len(ids.cpu().tolist()) else None,
    "looks at numbers": lambda self, ids: self.table(ids[(ids >= 0) & (ids < 5)]),
}
WRONG = {
    "made without a device": lambda self, ids: self.table(torch.arange(ids.shape[1])),
    "computed at home": lambda self, ids: self.table(torch.stack([torch.ones(2).cumsum(dim=0).long()])),
    "moved to a dtype only": lambda self, ids: self.table(torch.arange(ids.shape[1]).to(torch.int32)),
    "an attribute": lambda self, ids: self.table(self.numbers[: ids.shape[1]]),
    "made on the CPU": lambda self, ids: self.table(torch.arange(ids.shape[1], device=torch.device("cpu"))),
    "moved to the CPU": lambda self, ids: self.table(ids.cpu()),
    "moved to a device that is the CPU": lambda self, ids: self.table(ids.to(torch.device("cpu"))),
    "added": lambda self, ids: self.table(ids) + torch.zeros(2),
    "remembered": lambda self, ids: self.table(self.memory.setdefault("last", torch.arange(3, device=ids.device))),
}


def run(look_up, as_buffer=False):
    ids, elsewhere = torch.tensor([[0, 1, 2]]), Elsewhere()
    with elsewhere:
        built = Positions(look_up, as_buffer)
        built(ids.clone())  # at home everything works
    elsewhere.moves(built)
    with elsewhere:
        return built(ids)


@pytest.mark.parametrize("way", RIGHT)
def test_what_works_on_every_device_is_accepted(way):
    assert run(RIGHT[way]).shape[-1] == 2


@pytest.mark.parametrize("way", WRONG)
def test_what_stays_at_home_is_noticed_where_it_meets_something_from_elsewhere(way):
    with pytest.raises(LawBroken, match="On another device"):
        run(WRONG[way])


def test_a_buffer_moves_with_its_module():
    assert run(WRONG["an attribute"], as_buffer=True).shape == (3, 2)


def test_an_unfilled_model_is_complete_and_costs_neither_random_numbers_nor_memory():
    torch.default_generator.manual_seed(0)
    before = torch.default_generator.get_state()
    built = verbs.unfilled(nn.Linear, 1 << 19, 1 << 10)  # 2 GiB, if anybody wrote to it
    assert built.weight.numel() == 1 << 29
    assert torch.equal(torch.default_generator.get_state(), before)
    assert nn.Linear(3, 3).weight.abs().sum() > 0  # outside, numbers are drawn as ever


class Drawn(nn.Module):
    """Fills its parameters in three ways."""

    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.randn(3, 4))
        self.second = nn.Parameter(torch.empty(2, 5).normal_(std=0.02))
        self.third = nn.init.normal_(tensor=nn.Parameter(torch.empty(6)))


def test_what_draws_by_itself_is_unfilled_too():
    torch.default_generator.manual_seed(0)
    before = torch.default_generator.get_state()
    assert [tuple(p.shape) for p in verbs.unfilled(Drawn).parameters()] == [(3, 4), (2, 5), (6,)]
    assert torch.equal(torch.default_generator.get_state(), before)  # a seed of 0, and nothing drawn since
