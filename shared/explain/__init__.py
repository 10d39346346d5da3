"""One training step seen from inside: by hand, on torch's tape, in JAX's jaxpr, factor by factor.

Three readers watch a step as it runs and write down every operation; an alignment gives each its
role in the one chain rule; a replay makes each again in NumPy, in every order of rounding there is,
until its bits come out. What differs in the last digits is then explained, or said not to be.
"""
