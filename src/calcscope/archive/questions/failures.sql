-- Why exams and files were not read, and how many each
SELECT reason, count(exam) AS exams, count(*) - count(exam) AS files
FROM failures
GROUP BY reason
ORDER BY exams + files DESC, reason
