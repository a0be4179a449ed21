"""Idealised games: explicit distributions, free discriminators, exact expectations."""

from nashpath.core import Table
from nashpath.games.ideal.finite import Ideal, Softmax
from nashpath.games.ideal.gaussian import GaussianGenerator, IdealGaussian
from nashpath.games.ideal.population import PopulationGame

IDEALS = Table("idealised game", {"ideal": Ideal, "ideal_gaussian": IdealGaussian})

__all__ = ["IDEALS", "GaussianGenerator", "Ideal", "IdealGaussian", "PopulationGame", "Softmax"]
