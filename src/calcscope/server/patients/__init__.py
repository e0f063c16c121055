"""What a woman sees of her own exams after a clinician has signed: page, letter, questions, record."""
