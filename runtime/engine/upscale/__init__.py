"""Larger pictures: Lanczos, Nearest, and networks of the ESRGAN family."""
