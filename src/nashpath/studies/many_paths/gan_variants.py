"""The five GANs that "Many Paths to Equilibrium" compares, as settings: objective, penalty and rule.

Fedus et al. 2017: M-GAN, NS-GAN, WGAN-GP, GAN-GP and DRAGAN-NS.
"""

from typing import Any

from nashpath.studies.population import alternating_adam

VARIANTS: dict[str, dict[str, Any]] = {
    "ns": {"objective": "non_saturating", "penalty": {"kind": "none"}},
    "gan_gp": {"objective": "non_saturating", "penalty": {"kind": "gan_gp"}},
    "dragan_ns": {"objective": "non_saturating", "penalty": {"kind": "dragan"}},
    "wgan_gp": {"objective": "wasserstein", "penalty": {"kind": "wgan_gp"}},
    "m_gan": {"objective": "minimax", "penalty": {"kind": "none"}},
}
TITLES = {"ns": "NS-GAN", "gan_gp": "GAN-GP", "dragan_ns": "DRAGAN-NS", "wgan_gp": "WGAN-GP", "m_gan": "M-GAN"}
PENALISED = ("gan_gp", "dragan_ns")
"""The non-saturating GANs with a penalty that was made for another view of training."""


def variant(name: str, weight: float) -> dict[str, Any]:
    """The objective and the penalty, of this weight where there is one."""
    chosen = VARIANTS[name]
    penalty = chosen["penalty"] if chosen["penalty"]["kind"] == "none" else {**chosen["penalty"], "weight": weight}
    return {**chosen, "penalty": penalty}


def solver(rate: float, turns: int) -> dict[str, Any]:
    """Adam at one rate for both players, β = (0.5, 0.9); ``turns`` discriminator steps before each generator step."""
    return alternating_adam(rate, b2=0.9, turns=turns)


def dense_networks(kind: str = "mlp", width: int = 128) -> dict[str, Any]:
    """Both networks with two hidden layers."""
    return {who: {"kind": kind, "width": width, "depth": 2} for who in ("generator", "discriminator")}
