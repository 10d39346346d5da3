"""Runs of which only every K-th state is known: which blocks of steps does rounding explain?

A block is judged from the state recorded before it to the one recorded after it. The first that is
not explained is run again, with every step recorded, and the ordinary certificate names the place.
"""
