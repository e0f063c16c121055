-- Seconds of a worker for an exam, by number of views and size of the pixel
SELECT
    views,
    round(pixel_mm, 3) AS pixel_mm,
    count(*) AS exams,
    round(avg(seconds), 2) AS mean_s,
    round(median(seconds), 2) AS median_s,
    round(quantile_cont(seconds, 0.95), 2) AS most_s
FROM exams
GROUP BY ALL
ORDER BY exams DESC, views
