"""What the house promises about itself: who knows whom, what the files hold, and what the installers agree on."""
