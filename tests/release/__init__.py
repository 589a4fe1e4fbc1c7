"""The long forms of tests: each `python -m tests.release.NAME`, its figures in results/."""
