"""What a woman sees of her own exams after a clinician has signed: result page, letter, questions, her record."""
