-- Calcifications, groups and recalls by age at the exam, in bands of five years
SELECT
    CASE WHEN age >= 90 THEN '90+' ELSE format('{}-{}', age // 5 * 5, age // 5 * 5 + 4) END AS age,
    count(*) AS exams,
    count(DISTINCT patient) AS women,
    round(avg(calcifications), 1) AS calcifications_an_exam,
    round(100 * avg((calcifications > 0)::INT), 1) AS with_any_percent,
    round(avg(groups), 2) AS groups_an_exam,
    round(100 * avg(recalled::INT), 1) AS recalled_percent
FROM exams
GROUP BY 1
ORDER BY 1 NULLS LAST
