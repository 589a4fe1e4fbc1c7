"""Noise levels of a model, and the schedules that spread n of them over the steps."""

from runtime.engine.schedules.levels import TRAINING_STEPS, Levels, levels_of
from runtime.engine.schedules.plan import plan_sigmas
from runtime.engine.schedules.spread import SCHEDULES

__all__ = ["SCHEDULES", "TRAINING_STEPS", "Levels", "levels_of", "plan_sigmas"]
