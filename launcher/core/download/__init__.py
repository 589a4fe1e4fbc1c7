"""The one door for files from the network: resumed, checked, from another place when one fails."""
