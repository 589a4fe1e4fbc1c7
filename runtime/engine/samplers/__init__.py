"""Samplers: plain loops over an explicit list of sigmas, and the plan that picks one and its levels."""

from runtime.engine.samplers.course import Course, plan_course
from runtime.engine.samplers.settings import Settings
from runtime.engine.samplers.walk import After, Denoiser

__all__ = ["After", "Course", "Denoiser", "Settings", "plan_course"]
