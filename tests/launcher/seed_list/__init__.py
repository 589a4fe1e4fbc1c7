"""The failures that the tutorials list, one by one: caused, diagnosed from what was printed, mended, run again."""
