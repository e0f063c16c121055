"""A DICOM node: receives mammograms, reads each complete study once, and sends the results where they belong.

from calcscope.node.config import load
from calcscope.node.supervisor import Node

Node(load(Path("node.toml"))).run()

One process supervises. ``receiver`` takes instances in, ``instances`` looks at them, ``store`` keeps files and
rows, ``studies`` knows which study is to be read, ``priors`` fetches earlier exams, ``reader`` runs the engine
(``reading``) in a process of its own, ``sending`` delivers what it made. Libraries are imported by those who
need them: nothing is imported here, so that the command line stays quick.
"""
