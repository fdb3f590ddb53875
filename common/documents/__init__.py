"""What the API says about itself: one description per operation, and two documents from it."""
