"""The same network, once for each framework; one file each, and none knows another.

The rule of independence: a file here imports NumPy, its own framework, and from `shared` only
`backend`, `network`, `optimizer` and `errors`, which hold no formula. Where two files look alike,
that is meant: code used by two backends could be wrong in both, and no comparison would see it.
A backend's optimizers stand in the `_..._updates.py` of its framework, and only it imports that.

To add a framework, put a file with one `Backend` class here: it is listed, tested and compared
from then on. Its name on the command line is the beginning of the file's name.
"""
