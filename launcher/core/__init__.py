"""Everything the launcher can do, without a screen: functions that return values or iterators of events."""
