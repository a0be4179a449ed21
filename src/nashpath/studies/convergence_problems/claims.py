"""Barnett 2018: where the theory of GANs promises convergence, and the ways in which practice misses it.

The paper surveys theorems and has no experiments: each theorem is verified in numbers, and each failure shown.
Sources name the theorem at its origin, for the survey's own text could not be checked.
"""

from nashpath.studies.convergence_problems.affine_mixtures import AFFINE_MIXTURES, RIGGED_WEIGHTS
from nashpath.studies.convergence_problems.bilinear_rotation import ROTATION, SPECTRA
from nashpath.studies.convergence_problems.claims_divergences import IDEAL, LINES, METRIC_CLAIMS
from nashpath.studies.convergence_problems.claims_strategies import MIXTURES, REAL, ROTATIONS, STRATEGIES
from nashpath.studies.convergence_problems.claims_training import COLLAPSE, GENERALISATION, GRADIENTS
from nashpath.studies.convergence_problems.disjoint_lines import EXACT_LINES, SAMPLED_LINES
from nashpath.studies.convergence_problems.finite_games import AVERAGED_PLAY, MATRIX_MIXTURES
from nashpath.studies.convergence_problems.frozen_discriminator import FROZEN_FREE, FROZEN_RING
from nashpath.studies.convergence_problems.generalisation import TRAINED_DISTANCE, TWO_SAMPLES
from nashpath.studies.convergence_problems.ideal_games import IDENTITIES, PLAY
from nashpath.studies.convergence_problems.integral_metrics import SUPREMA
from nashpath.studies.convergence_problems.mixture_of_dcgans import MIXTURE_OF_DCGANS, REAL_MIXTURE
from nashpath.studies.convergence_problems.vanishing_gradient import VANISHING_GRADIENT
from nashpath.studies.study import Study

STUDY = Study(
    name="convergence-problems",
    title="Convergence Problems with Generative Adversarial Networks",
    paper="Barnett 2018, arXiv 1806.11382",
    experiments=[
        AFFINE_MIXTURES,
        FROZEN_RING,
        TRAINED_DISTANCE,
        ROTATION,
        TWO_SAMPLES,
        PLAY,
        VANISHING_GRADIENT,
        AVERAGED_PLAY,
        RIGGED_WEIGHTS,
        FROZEN_FREE,
        SUPREMA,
        IDENTITIES,
        EXACT_LINES,
        SAMPLED_LINES,
        MATRIX_MIXTURES,
        SPECTRA,
        REAL_MIXTURE,
        MIXTURE_OF_DCGANS,
    ],
    claims=[
        *IDEAL,
        *LINES,
        *METRIC_CLAIMS,
        *GRADIENTS,
        *COLLAPSE,
        *GENERALISATION,
        *MIXTURES,
        *ROTATIONS,
        *STRATEGIES,
        *REAL,
    ],
)
