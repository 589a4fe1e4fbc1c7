"""Denoisers in closed form: the exact estimate for data of a known distribution, for NumPy and torch alike."""

import math

import numpy as np

MEAN, DEVIATION = 0.7, 0.5
#: the data the negative prompt alone would draw
OTHER_MEAN = -0.4


def gaussian(x, sigma, mean=MEAN):
    """Data ~ N(mean, deviation²)."""
    return (x * DEVIATION**2 + mean * sigma**2) / (DEVIATION**2 + sigma**2)


def two_hills(x, sigma):
    """Data from N(mean, deviation²) or N(-mean, deviation²), as often: not linear in x."""
    variance = DEVIATION**2 + sigma**2
    side = MEAN * (np.tanh(MEAN * x / variance) if isinstance(x, np.ndarray) else (x * (MEAN / variance)).tanh())
    return (x * DEVIATION**2 + side * sigma**2) / variance


def flowed(x, sigma, following):
    """Where the probability flow of the Gaussian carries x from one level to another, exactly."""
    return MEAN + (x - MEAN) * math.sqrt((DEVIATION**2 + following**2) / (DEVIATION**2 + sigma**2))
