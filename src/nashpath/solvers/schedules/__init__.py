"""Schedules of the learning rate of any rule. One file each."""

from nashpath.core import Table
from nashpath.solvers.schedules.base import Schedule
from nashpath.solvers.schedules.constant import Constant
from nashpath.solvers.schedules.inverse_sqrt import InverseSqrt
from nashpath.solvers.schedules.linear import Linear
from nashpath.solvers.schedules.power import Power
from nashpath.solvers.schedules.step_decay import StepDecay

SCHEDULES = Table(
    "schedule",
    {"constant": Constant, "inverse_sqrt": InverseSqrt, "power": Power, "step_decay": StepDecay, "linear": Linear},
    Schedule,
)

__all__ = ["SCHEDULES", "Constant", "InverseSqrt", "Linear", "Power", "Schedule", "StepDecay"]
