"""Tables of the user's own, CSV or NPZ, read into named columns; errors name the place."""
