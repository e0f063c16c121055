-- Calcifications, groups and recalls by manufacturer and model
SELECT
    manufacturer,
    model,
    count(*) AS exams,
    min(date) AS since,
    max(date) AS until,
    round(avg(calcifications), 1) AS calcifications_an_exam,
    round(100 * avg((calcifications > 0)::INT), 1) AS with_any_percent,
    round(avg(groups), 2) AS groups_an_exam,
    round(100 * avg(recalled::INT), 1) AS recalled_percent,
    sum(not_read)::BIGINT AS images_not_read
FROM exams
GROUP BY ALL
ORDER BY exams DESC, manufacturer, model
