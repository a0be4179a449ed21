"""What modules hold besides parameters and buffers: alike in members that share a step, or refused; tied tensors."""

import functools
import html
import json
import random
import re
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import nashpath as nash
from nashpath.core.likeness import hold_the_same
from nashpath.core.own import OwnMethodWarning
from nashpath.report import write_report
from nashpath.run import SettingError


class Styled(nn.Module):
    """A generator whose forward pass is ``style(self, h)``; ``begin(self)`` gives it what that needs."""

    def __init__(self, style, begin=lambda self: None):
        super().__init__()
        self.a, self.b, self.o = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.style = style
        begin(self)

    def forward(self, z):
        return self.o(self.style(self, torch.tanh(self.a(z))))


def gan(generator, **options):
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    return nash.GAN(generator, critic, data=nash.Ring(), latent=4, batch_size=8, **options)


def made(style, begin=lambda self: None, seed=0):
    torch.manual_seed(seed)
    return gan(Styled(style, begin))


def solver():
    return nash.Alternating(nash.Adam(1e-2), nash.Adam(1e-2))


def flat(module):
    return torch.cat([v.detach().flatten() for v in module.parameters()])


def holding(value):
    """What puts ``value`` into an attribute, and the style that multiplies by it."""
    return lambda self: setattr(self, "held", value)


def times(k):
    return lambda h: h * k


UNLIKE = {
    "function": (lambda self, h: self.held(h), torch.relu, torch.sin),
    "closure": (lambda self, h: self.held(h), times(1.0), times(2.0)),
    "partial": (lambda self, h: self.held(h), *(functools.partial(torch.mul, other=k) for k in (1.0, 2.0))),
    "tensor": (lambda self, h: h @ self.held, torch.eye(4), 2 * torch.eye(4)),
    "list": (lambda self, h: h * self.held[0], [1.0], [2.0]),
    "dict": (lambda self, h: h * self.held["k"], {"k": 1.0}, {"k": 2.0}),
    "array": (lambda self, h: h @ torch.from_numpy(self.held), np.eye(4, dtype="f4"), 2 * np.eye(4, dtype="f4")),
    "module in a list": (lambda self, h: self.held[0](h), [nn.ELU(1.0)], [nn.ELU(2.0)]),
}


@pytest.mark.parametrize("stack", [True, False])
@pytest.mark.parametrize("case", UNLIKE)
def test_members_that_differ_in_python_are_not_trained_as_one(case, stack):
    style, first, second = UNLIKE[case]
    games = [made(style, holding(first)), made(style, holding(second))]
    with pytest.raises(ValueError, match=r"generator\.held differs between games\[0\] and games\[1\].*register_buffer"):
        nash.train_many(games, [solver(), solver()], 1, [0, 1], stack=stack)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("case", UNLIKE)
def test_members_that_are_alike_in_python_are_trained_together(case):
    style, first, _ = UNLIKE[case]
    results = nash.train_many([made(style, holding(first)) for _ in range(2)], [solver(), solver()], 2, [0, 1])
    assert [one.outcome for one in results] == ["finished"] * 2


def test_members_with_other_hooks_are_not_trained_as_one():
    games = [made(lambda self, h: h) for _ in range(2)]
    games[1].generator.a.register_forward_hook(lambda module, given, output: 2 * output)
    with pytest.raises(ValueError, match=r"generator\.a\.hooks"):
        nash.train_many(games, [solver(), solver()], 1, [0, 1])


def keeps(self, h):
    self.features = h
    return h


def test_what_is_overwritten_before_it_is_read_may_differ_and_data_too():
    def game(seed):
        torch.manual_seed(seed)
        generator = Styled(keeps, lambda self: setattr(self, "parts", [self.a, self.b]))
        return nash.GAN(generator, nn.Linear(2, 1), data=nash.as_source(torch.randn(50, 2)), latent=4, batch_size=8)

    both = nash.train_many([game(0), game(1)], [solver(), solver()], 3, [0, 1], stack=False)
    alone = nash.train(game(1), solver(), 3, 1)
    assert torch.equal(flat(both[1].generator), flat(alone.generator))


def test_objects_are_alike_by_what_they_hold():
    class Plain:
        def __init__(self, held):
            self.held = held

    assert hold_the_same(Plain([torch.ones(2)]), Plain([torch.ones(2)]))
    assert not hold_the_same(Plain([torch.ones(2)]), Plain([torch.zeros(2)]))
    assert not hold_the_same(object(), object())
    assert not hold_the_same(1, 1.0)
    one, other = [], []
    one.append(one)
    other.append(other)
    assert hold_the_same(one, other)


@pytest.mark.parametrize("reentrant", [False])
def test_a_checkpoint_computes_its_part_again_where_it_was(reentrant):
    again, plain = (
        nash.train(made(style), solver(), 20)
        for style in (lambda self, h: checkpoint(self.b, h, use_reentrant=reentrant), lambda self, h: self.b(h))
    )
    assert torch.equal(flat(again.generator), flat(plain.generator))


ASIDE = {
    "list": (lambda self: setattr(self, "held", [self.b.weight]), lambda self, h: h @ self.held[0]),
    "dict": (lambda self: setattr(self, "held", {"w": self.b.weight}), lambda self, h: h @ self.held["w"]),
    "view": (lambda self: setattr(self, "held", self.b.weight.t()), lambda self, h: h @ self.held),
    "both ways": (lambda self: setattr(self, "held", [self.b.weight]), lambda self, h: self.b(h) @ self.held[0]),
}


@pytest.mark.parametrize("case", ASIDE)
def test_a_parameter_that_is_read_beside_its_name_is_refused(case):
    begin, style = ASIDE[case]
    with pytest.raises(ValueError, match=r"generator\.b\.weight is read in the forward pass by another way"):
        nash.train(made(style, begin), solver(), 1)


def test_two_names_of_a_parameter_in_one_module_are_one():
    result = nash.train(
        made(lambda self, h: h @ self.b.again, lambda self: self.b.register_parameter("again", self.b.weight)),
        solver(),
        2,
    )
    assert result.generator.b.again is result.generator.b.weight


def tie(self):
    self.b.weight = self.a.weight
    self.register_buffer("kept", torch.zeros(4), persistent=False)


def test_averages_of_tied_weights_load_as_they_are():
    result = nash.train(made(lambda self, h: self.b(h) + self.kept, tie), nash.EMA(solver(), decay=0.9), 10)
    average, copied = result.averages["generator"], Styled(lambda self, h: h, tie)
    copied.load_state_dict(average)
    assert torch.equal(copied.a.weight, average["a.weight"])
    assert not torch.equal(copied.a.weight, result.generator.a.weight)


def share(self):
    self.a.register_buffer("n", torch.zeros(()))
    self.b.register_buffer("n", self.a.n)


FORMS = {
    "grows": lambda b: torch.cat([b, b[:1]]),
    "grows in place": lambda b: b.resize_(len(b) + 1),
    "shrinks": lambda b: b[:1],
    "another kind of number": lambda b: b.double(),
    "comes": lambda b: torch.zeros(2),
    "goes": lambda b: None,
}


class Reshaping(nn.Module):
    """A layer with a buffer of which each pass, from one on, makes another by ``change``."""

    def __init__(self, change, inputs, outputs, first=0, begin=2):
        super().__init__()
        self.layer, self.change, self.left = nn.Linear(inputs, outputs), change, first
        self.register_buffer("held", torch.zeros(begin) if begin else None)

    def forward(self, x):
        self.left -= 1
        if self.left < 0:
            self.held = self.change(self.held)
        return self.layer(x)


@pytest.mark.parametrize("who", ["generator", "discriminator"])
@pytest.mark.parametrize("form", FORMS)
def test_a_buffer_that_takes_another_form_is_refused_in_words(form, who):
    def part(own, inputs, outputs):
        begin = 0 if form == "comes" else 2
        return Reshaping(FORMS[form], inputs, outputs, begin=begin) if own == who else nn.Linear(inputs, outputs)

    networks = part("generator", 4, 2), part("discriminator", 2, 1)
    with pytest.raises(ValueError, match=rf"Reshaping: {who}\.held (was|is).*after its forward pass"):
        nash.GAN(*networks, data=nash.Ring(), latent=4)


def test_a_buffer_that_takes_another_form_later_is_refused_and_the_modules_hold_what_was_reached():
    game = gan(Reshaping(FORMS["grows"], 4, 2, first=40))
    before = flat(game)
    with (
        pytest.warns(OwnMethodWarning, match=r"generator\.left changes"),
        pytest.raises(SettingError, match=r"Reshaping: point\.state\.generator\.held was .* after step \d+"),
    ):
        nash.train(game, solver(), 60, log_every=1)
    assert game.generator.held.shape == (2,)
    assert not torch.equal(before, flat(game))


def test_the_passes_that_check_a_game_leave_its_tensors():
    """Running statistics, parameters that a pass writes to, and a buffer that it puts another in the place of."""

    def writes(self, h):
        with torch.no_grad():
            self.a.weight.mul_(0.9)
        self.held = self.held + 1
        return self.norm(h)

    def begin(self):
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("held", torch.zeros(3))

    torch.manual_seed(0)
    network = Styled(writes, begin)
    before, held = {k: v.clone() for k, v in network.state_dict().items()}, network.held
    gan(network)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert network.held is held


@pytest.mark.parametrize("keep", [torch.Tensor.mean, lambda h: [h.mean()], lambda h: {"it": h.mean()}])
def test_a_tensor_that_is_kept_for_the_next_pass_is_not_called_a_weight_out_of_sight(keep):
    """One member warns of the state, several are refused for it: the weights are read under their names."""

    def style(self, h):
        before = self.last["it"] if isinstance(self.last, dict) else self.last
        before = before[0] if isinstance(before, list) else before
        self.last = keep(h.detach())
        return h + before

    def game():
        return made(style, lambda self: setattr(self, "last", torch.zeros(())))

    played = game()
    before = flat(played)
    with pytest.warns(OwnMethodWarning, match=r"generator\.last changes in the forward pass"):
        nash.train(played, solver(), 2)
    assert not torch.equal(before, flat(played))
    with pytest.raises(ValueError, match=r"generator\.last changes in the forward pass.*each counting for all"):
        nash.train_many([game(), game()], [solver(), solver()], 2, [0, 1])


def test_a_buffer_of_two_modules_stays_one():
    seen = []

    def counts(self, h):
        self.a.n += 1
        seen.append((float(self.a.n), float(self.b.n)))
        return h * self.b.n

    with pytest.warns(OwnMethodWarning, match=r"generator\.style changes"):  # it appends to a list
        nash.train(made(counts, share), solver(), 3)
    assert all(one == other for one, other in seen)


def step_on(self, h):
    self.it += 1
    return h * min(1.0, self.it / 20)


def grows(self, h):
    self.it.append(1)
    return h * len(self.it)


@pytest.mark.parametrize(("style", "value"), [(step_on, 0), (grows, [])])
def test_members_do_not_share_a_count(style, value):
    def game():
        return made(style, lambda self: setattr(self, "it", value if value != [] else []))

    with pytest.warns(OwnMethodWarning, match=r"generator\.it changes .* evaluates or diagnoses.* resumed"):
        assert nash.train(game(), solver(), 2).outcome == "finished"
    with pytest.raises(ValueError, match=r"generator\.it"):
        nash.train_many([game(), game()], [solver(), solver()], 2, [0, 1], stack=False)


def test_who_draws_before_a_child_is_blamed_for_it():
    class Parent(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.last = nn.Linear(4, 2), nn.Identity()

        def forward(self, z):
            return self.last(nn.functional.dropout(self.a(z), 0.5))

    with pytest.raises(ValueError, match=r"generator \(Parent\) draws from the global random state"):
        gan(Parent())


def test_a_dropout_of_nothing_draws_nothing():
    assert nash.train(gan(nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.0))), solver(), 1).outcome == "finished"


@pytest.mark.parametrize("rare", [0.1, 0.002])
def test_a_rare_draw_from_pythons_generator_is_refused(rare):
    with pytest.raises(ValueError, match=r"generator .* draws from the global random state"):
        made(lambda self, h: h.flip(1) if random.random() < rare else h)


def test_what_another_thread_draws_is_not_the_games():
    ended = threading.Event()

    def draw():
        while not ended.is_set():
            _ = torch.randn(3), np.random.rand()

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(3):
            nash.train(made(lambda self, h: h), solver(), 1)
    finally:
        ended.set()
        thread.join()


def test_networks_of_inference_mode_are_refused():
    with torch.inference_mode(), pytest.raises(ValueError, match=r"torch\.inference_mode"):
        made(lambda self, h: h)
    with torch.inference_mode():
        generator = Styled(lambda self, h: h)
    with pytest.raises(ValueError, match=r"a\.weight was made under torch\.inference_mode"):
        gan(generator)


def test_another_default_precision_is_told_with_its_cure():
    torch.set_default_dtype(torch.float64)
    try:
        game = nash.GAN(nn.Linear(4, 2), nn.Linear(2, 1), data=nash.as_source(np.zeros((9, 2), "f4")), latent=4)
        with pytest.raises(ValueError, match=r"set_default_dtype\(torch\.float32\)"):
            nash.train(game, solver(), 1)
    finally:
        torch.set_default_dtype(torch.float32)


def registered(name, begin, style):
    """A generator under this name, whose members ``begin`` as they do and pass in this ``style``."""

    class Own(Styled):
        """A generator of a test.

        Reference: none.
        """

        def __init__(self, latent: int, shape: tuple[int, ...]):
            assert (latent, shape) == (4, (2,))
            super().__init__(style, begin)

    nash.register("generator", name)(Own)


def run(name, folder, **more):
    raw = {"data": "ring", "latent": 4, "generator": name, "compile": "off", "steps": 2, "evaluation_samples": 16}
    return nash.open_session({**raw, **more}, {}, folder)


@pytest.mark.parametrize("stack", ["on", "off"])
def test_runs_whose_seeds_make_another_python_state_are_refused(tmp_path, own_methods, stack):
    registered("fourier", lambda self: setattr(self, "held", torch.randn(4)), lambda self, h: h * self.held)
    with pytest.raises(SettingError, match=r"generator\.held differs between .* seed 0 and .* seed 1.*register_buffer"):
        run("fourier", tmp_path / "two", seeds=[0, 1], stack=stack)
    run("fourier", tmp_path / "one", seeds=[1]).train()


def test_a_run_whose_passes_count_in_python_says_so_and_several_members_are_refused(tmp_path, own_methods):
    registered("counting", lambda self: setattr(self, "it", 0), step_on)
    said = r"generator\.it changes in the forward pass.*evaluates or diagnoses.*resumed"
    with pytest.warns(OwnMethodWarning, match=said):
        run("counting", tmp_path / "one").train()
    _told_once(tmp_path / "one", said)
    with pytest.warns(OwnMethodWarning, match=said):
        nash.resume_session(tmp_path / "one", {"steps": 4}).train()
    _told_once(tmp_path / "one", said)
    with pytest.raises(SettingError, match=r"generator\.it changes in the forward pass.*each counting for all"):
        run("counting", tmp_path / "two", seeds=[0, 1])


def _told_once(folder, said):
    kept = json.loads((folder / "run.json").read_text())["warnings"]
    assert len([one for one in kept if re.match(said, one)]) == 1
    assert re.search(said, html.unescape(write_report(folder).read_text()))


def test_a_run_whose_solver_counts_in_python_keeps_what_is_said_of_it(tmp_path, own_methods):
    class Counting(nash.Alternating):
        """A solver of a test.

        Reference: none.
        """

        def forward(self, problem, point, memory, batches):
            self.taken = getattr(self, "taken", 0) + 1
            return super().forward(problem, point, memory, batches)

    nash.register("solver", "counting")(Counting)
    with pytest.warns(OwnMethodWarning, match="taken changes from step to step"):
        run("mlp", tmp_path / "one", solver="counting").train()
    _told_once(tmp_path / "one", "solver counting.*taken changes from step to step")


class Later(nn.Module):
    """Adds ``noise()`` from the hundredth of its calls on, which no look at the first batch sees."""

    def __init__(self, noise):
        super().__init__()
        self.layer, self.noise, self.calls = nn.Linear(4, 2), noise, 0

    def forward(self, z):
        self.calls += 1
        return self.layer(z) + (self.noise() if self.calls > 100 else 0.0)


@pytest.mark.parametrize("noise", [lambda: torch.randn(()), lambda: float(np.random.rand())])
def test_draws_that_come_later_are_told_with_their_steps(noise):
    said = r"random state of PyTorch or NumPy moved in the steps \d+ to \d+"
    with pytest.warns(UserWarning, match=said), pytest.warns(OwnMethodWarning, match=r"generator\.calls changes"):
        nash.train(gan(Later(noise)), solver(), 100)


def test_play_that_draws_nothing_moves_no_global_state():
    with pytest.warns(OwnMethodWarning, match=r"generator\.calls changes"):  # another warning would fail it
        nash.train(gan(Later(lambda: 0.0)), solver(), 100)
