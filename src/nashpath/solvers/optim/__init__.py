"""Drop-in ``torch.optim`` optimizers for loops of one's own: conjugate gradients, extragradient, optimistic."""

from nashpath.solvers.optim.conjugate_gradient import NonlinearCG
from nashpath.solvers.optim.extra_adam import ExtraAdam
from nashpath.solvers.optim.extra_sgd import ExtraSGD
from nashpath.solvers.optim.ogda import OGDA
from nashpath.solvers.optim.optimistic_adam import OptimisticAdam

__all__ = ["OGDA", "ExtraAdam", "ExtraSGD", "NonlinearCG", "OptimisticAdam"]
