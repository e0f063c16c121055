"""A whole archive read by the same engine, on Ray: each exam once, whatever is killed meanwhile.

``sources`` list exams and fetch their images, ``work`` is what a worker does, ``cluster`` has it done on Ray,
``ledger`` knows what was done, ``parts`` are the tables that come of it, ``run`` brings these together, and
``query`` asks the tables.
"""
