"""The outermost layer: whoever is not let in here reaches neither page, API, files nor sockets."""
