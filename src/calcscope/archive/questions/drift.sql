-- Months in which a device reads unlike its other months: z of recalls and of calcifications, 4 and more flagged
WITH device AS (
    SELECT
        coalesce(manufacturer, '?') AS manufacturer,
        coalesce(model, '?') AS model,
        coalesce(site, '?') AS site,
        date_trunc('month', date) AS month,
        recalled::INT AS recalled,
        ln(1 + calcifications) AS marks -- a few exams have hundreds: their logarithm keeps them in bounds
    FROM exams
    WHERE date IS NOT NULL
),
monthly AS (
    SELECT manufacturer, model, site, month,
        count(*) AS exams, sum(recalled) AS recalls, sum(marks) AS marks, sum(marks * marks) AS squares
    FROM device
    GROUP BY ALL
),
beside AS (
    SELECT *,
        sum(exams) OVER every - exams AS others,
        sum(recalls) OVER every AS all_recalls,
        sum(recalls) OVER every - recalls AS other_recalls,
        sum(marks) OVER every - marks AS other_marks,
        sum(squares) OVER every - squares AS other_squares
    FROM monthly
    WINDOW every AS (PARTITION BY manufacturer, model, site)
),
scored AS (
    SELECT *,
        -- two proportions with their common share, and two means of unequal variances (Welch)
        (recalls / exams - other_recalls / others)
            / nullif(sqrt(all_recalls / (exams + others) * (1 - all_recalls / (exams + others))
                * (1 / exams + 1 / others)), 0) AS recall_z,
        (marks / exams - other_marks / others)
            / nullif(sqrt(greatest(squares / exams - (marks / exams) ** 2, 0) / (exams - 1)
                + greatest(other_squares / others - (other_marks / others) ** 2, 0) / (others - 1)), 0) AS marks_z
    FROM beside
    WHERE exams >= 20 AND others >= 20 -- of fewer the ratio is not normal
)
SELECT
    manufacturer,
    model,
    site,
    strftime(month, '%Y-%m') AS month,
    exams,
    round(100 * recalls / exams, 1) AS recalled_percent,
    round(100 * other_recalls / others, 1) AS else_percent,
    round(recall_z, 1) AS recall_z,
    round(exp(marks / exams) - 1, 1) AS calcifications_typical,
    round(exp(other_marks / others) - 1, 1) AS else_typical,
    round(marks_z, 1) AS calcifications_z,
    greatest(abs(coalesce(recall_z, 0)), abs(coalesce(marks_z, 0))) >= 4 AS drift
FROM scored
ORDER BY drift DESC, greatest(abs(coalesce(recall_z, 0)), abs(coalesce(marks_z, 0))) DESC,
    manufacturer, model, site, month
