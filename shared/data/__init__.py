"""Tables as data files: the people, and the two worked steps with their exact values."""
