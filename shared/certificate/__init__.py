"""The certificate: every recorded step judged from its own state, against a derived bound.

A step starts at the exact values of what the backend recorded before it, is computed in wider
arithmetic, and the backend's own numbers may differ from it by what rounding can explain. No bound
crosses more than one stage. docs/certificate.md derives the bounds.
"""
