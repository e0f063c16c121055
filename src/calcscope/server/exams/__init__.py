"""Women, their exams and images; taking them in, having them read by the engine, and the worklist."""
