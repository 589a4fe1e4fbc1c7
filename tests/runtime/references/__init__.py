"""Published formulas in float64 NumPy, written apart from the engine, to check it against."""
