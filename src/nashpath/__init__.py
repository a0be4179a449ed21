"""nashpath: train GANs as the games they are, and measure whether, and how, they reach an equilibrium.

Names at the top level, and the rooms, are imported when they are first used, so ``import nashpath`` alone is quick.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nashpath import core, data, diagnostics, flows, games, metrics, networks, report, run, solvers, studies
    from nashpath.core import FunctionalGame, Game, Key
    from nashpath.data import (
        Array,
        ColouredDigits,
        Digits,
        EmbeddedGaussian,
        Folder,
        Gaussian,
        Grid,
        Hub,
        ParallelLines,
        Ring,
        Samples,
        Spiral,
        StackedDigits,
        SwissRoll,
        as_source,
    )
    from nashpath.games import GAN, Mixture, SemiSupervised
    from nashpath.games.objectives import (
        FGAN,
        FeatureMatching,
        GaussianMMD,
        Hinge,
        JointBatch,
        LabelSmoothing,
        LeastSquares,
        Minimax,
        MonoFlowObjective,
        NeuralNetDistance,
        NonSaturating,
        Objective,
        PlugIn,
        RationalQuadraticMMD,
        Relativistic,
        Wasserstein,
    )
    from nashpath.games.penalties import (
        R1,
        R1R2,
        R2,
        Dragan,
        DraganCentred,
        GradientPenalty,
        LeCam,
        NoPenalty,
        OneSidedGradientPenalty,
        Penalty,
        Sum,
        ZeroCentred,
    )
    from nashpath.games.techniques import historical_averaging
    from nashpath.metrics import (
        FID,
        KID,
        MSSSIM,
        Classes,
        DensityCoverage,
        FIDInfinity,
        InceptionScore,
        MaximumMeanDiscrepancy,
        Memorisation,
        Modes,
        PrecisionRecall,
        SlicedWasserstein,
        StackedModes,
        WassersteinDistance,
        modes,
    )
    from nashpath.networks import (
        DCGANDiscriminator,
        DCGANGenerator,
        MinibatchMLPDiscriminator,
        MLPDiscriminator,
        MLPGenerator,
        NoisyMLPDiscriminator,
        ResNetDiscriminator,
        ResNetGenerator,
        VirtualDCGANGenerator,
        VirtualMLPGenerator,
        spectral_norm,
    )
    from nashpath.run import (
        LoadedMember,
        Trained,
        diagnose,
        evaluate,
        load,
        open_session,
        register,
        resume_session,
        train,
        train_many,
    )
    from nashpath.solvers import (
        EMA,
        LEAD,
        LOLA,
        SGD,
        Adam,
        AdaptiveCompetitiveGradient,
        Alternating,
        AnchoredExtragradient,
        Clipped,
        CompetitiveGradient,
        ComplexMomentum,
        ConjugateGradient,
        Consensus,
        Constant,
        Extragradient,
        ExtragradientPlus,
        FastExtragradient,
        FollowTheRidge,
        InverseSqrt,
        LocalSymplecticSurgery,
        Lookahead,
        Momentum,
        NegativeMomentum,
        Optimistic,
        PastExtragradient,
        PolyakAverage,
        Power,
        RMSProp,
        RungeKutta,
        Scheduled,
        Simultaneous,
        Solver,
        StepDecay,
        SymplecticAdjustment,
        Unrolled,
        UpdateRule,
    )

    __version__: str

__all__ = [
    "EMA",
    "FGAN",
    "FID",
    "GAN",
    "KID",
    "LEAD",
    "LOLA",
    "MSSSIM",
    "R1",
    "R1R2",
    "R2",
    "SGD",
    "Adam",
    "AdaptiveCompetitiveGradient",
    "Alternating",
    "AnchoredExtragradient",
    "Array",
    "Classes",
    "Clipped",
    "ColouredDigits",
    "CompetitiveGradient",
    "ComplexMomentum",
    "ConjugateGradient",
    "Consensus",
    "Constant",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "DensityCoverage",
    "Digits",
    "Dragan",
    "DraganCentred",
    "EmbeddedGaussian",
    "Extragradient",
    "ExtragradientPlus",
    "FIDInfinity",
    "FastExtragradient",
    "FeatureMatching",
    "Folder",
    "FollowTheRidge",
    "FunctionalGame",
    "Game",
    "Gaussian",
    "GaussianMMD",
    "GradientPenalty",
    "Grid",
    "Hinge",
    "Hub",
    "InceptionScore",
    "InverseSqrt",
    "JointBatch",
    "Key",
    "LabelSmoothing",
    "LeCam",
    "LeastSquares",
    "LoadedMember",
    "LocalSymplecticSurgery",
    "Lookahead",
    "MLPDiscriminator",
    "MLPGenerator",
    "MaximumMeanDiscrepancy",
    "Memorisation",
    "MinibatchMLPDiscriminator",
    "Minimax",
    "Mixture",
    "Modes",
    "Momentum",
    "MonoFlowObjective",
    "NegativeMomentum",
    "NeuralNetDistance",
    "NoPenalty",
    "NoisyMLPDiscriminator",
    "NonSaturating",
    "Objective",
    "OneSidedGradientPenalty",
    "Optimistic",
    "ParallelLines",
    "PastExtragradient",
    "Penalty",
    "PlugIn",
    "PolyakAverage",
    "Power",
    "PrecisionRecall",
    "RMSProp",
    "RationalQuadraticMMD",
    "Relativistic",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "Ring",
    "RungeKutta",
    "Samples",
    "Scheduled",
    "SemiSupervised",
    "Simultaneous",
    "SlicedWasserstein",
    "Solver",
    "Spiral",
    "StackedDigits",
    "StackedModes",
    "StepDecay",
    "Sum",
    "SwissRoll",
    "SymplecticAdjustment",
    "Trained",
    "Unrolled",
    "UpdateRule",
    "VirtualDCGANGenerator",
    "VirtualMLPGenerator",
    "Wasserstein",
    "WassersteinDistance",
    "ZeroCentred",
    "as_source",
    "core",
    "data",
    "diagnose",
    "diagnostics",
    "evaluate",
    "flows",
    "games",
    "historical_averaging",
    "load",
    "metrics",
    "modes",
    "networks",
    "open_session",
    "register",
    "report",
    "resume_session",
    "run",
    "solvers",
    "spectral_norm",
    "studies",
    "train",
    "train_many",
]

_ROOMS = ("core", "data", "games", "networks", "solvers", "flows", "diagnostics", "metrics", "run", "studies", "report")
_HOMES = ("core", "data", "games", "games.objectives", "games.penalties", "games.techniques", *_ROOMS[3:])
"""Rooms that export names of the top level, in the order in which they are searched."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """A room, or what a room exports, when it is first asked for (PEP 562)."""
        if name == "__version__":
            return _version()
        if name in _ROOMS:
            return import_module(f"nashpath.{name}")
        for home in _HOMES if name in __all__ else ():
            room = import_module(f"nashpath.{home}")
            if name in room.__all__:
                globals()[name] = getattr(room, name)
                return globals()[name]
        raise AttributeError(f"module 'nashpath' has no attribute {name!r}")

    def _version() -> str:
        """The installed version; a source folder that is only on the path has none."""
        try:
            return version("nashpath")
        except PackageNotFoundError:
            return "not installed"

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, "__version__"})
