"""Gradient clipping under any solver."""

import copy

from nashpath.core import Positive, checks_arguments
from nashpath.solvers.base import Solver, UpdateRule
from nashpath.solvers.rules import NormClipped


@checks_arguments
def clip_gradient(solver: Solver, norm: Positive = 1.0, player: str = "all") -> Solver:
    """Shows players' rules each gradient as one vector of at most a given norm: gradient clipping, under any solver.

    ::

        g ← g · min(1, norm / (‖g‖₂ + 1e-6)),   then the rule's own move

    A copy of ``solver`` whose rules are `NormClipped`: those of all players, or of one. Gradients are reported as the
    game gives them. Raises `ValueError` where there is no rule of that player.

    Reference: Pascanu, Mikolov and Bengio 2013, Algorithm 1; PyTorch's ``clip_grad_norm_``.
    """
    twin, known, players = copy.deepcopy(solver), dict[int, NormClipped](), list[str]()
    for part in [module for module in twin.modules() if isinstance(module, Solver)]:
        for who, rule in part.rules.items():
            players.append(who)
            if player in ("all", who) and isinstance(rule, UpdateRule) and rule not in known.values():
                part.rules[who] = known.setdefault(id(rule), NormClipped(rule, norm))
    if not known:
        raise ValueError(f"player: no player is called {player!r}; all, or one of {', '.join(dict.fromkeys(players))}")
    return twin
