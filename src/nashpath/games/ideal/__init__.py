"""Idealised games: explicit distributions, free discriminators, exact expectations."""

from nashpath.core import Table
from nashpath.games.ideal.finite import Ideal, Softmax
from nashpath.games.ideal.gaussian import Gaussian, IdealGaussian
from nashpath.games.ideal.population import Population

IDEALS = Table("idealised game", {"ideal": Ideal, "ideal_gaussian": IdealGaussian})

__all__ = ["IDEALS", "Gaussian", "Ideal", "IdealGaussian", "Population", "Softmax"]
