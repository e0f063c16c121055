"""A DICOM node: receives mammograms, reads each complete study once, and sends the results where they belong.

from calcscope.node.config import load
from calcscope.node.supervisor import Node

Node(load(Path("node.toml"))).run()

One process supervises (``supervisor``). ``receiver`` takes instances in over ``wire`` and ``spooling``,
``instances`` looks at them, ``store`` keeps files and rows, ``studies`` knows which study is to be read,
``priors`` fetches earlier exams, ``reader`` runs the engine (``reading``) in its own process, ``sending``
delivers what it made. Nothing is imported here, so that the command line stays quick.
"""
