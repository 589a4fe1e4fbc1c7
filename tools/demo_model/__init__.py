"""The makers and the judge of the demo model that ships in runtime/assets."""
