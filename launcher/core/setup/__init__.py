"""The guided first install: its questions, their order, defaults and what they need; without a screen."""
