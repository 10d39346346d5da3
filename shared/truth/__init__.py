"""The exact trajectory of a training run, how far each backend is from it, and is it chaos.

Reported, never judged: the certificate judges steps, each from its own state. This room follows
what exact arithmetic would have made of the whole run.
"""
