"""What lies where and when: the planner, and the store that obeys it."""

from runtime.engine.memory.hardware import Hardware, look
from runtime.engine.memory.plan import Policy, Prediction, place
from runtime.engine.memory.planner import Planner
from runtime.engine.memory.settings import Settings
from runtime.engine.memory.store import Store, occupy

__all__ = ["Hardware", "Planner", "Policy", "Prediction", "Settings", "Store", "look", "occupy", "place"]
