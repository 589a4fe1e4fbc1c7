"""Which way of using the card's memory fits, by a formula."""
