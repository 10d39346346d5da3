"""Faults as data: what can be wrong with a training step, brought into backends on purpose."""
