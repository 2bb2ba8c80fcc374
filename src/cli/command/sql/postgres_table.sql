
SELECT count(*) > 0 AS there,
    coalesce(string_agg('t.' || attname, ', ' ORDER BY array_position(ARRAY[{{names}}], attname::text)), '') AS columns,
    CASE WHEN bool_or(attname = 'run_id') THEN 'run_id' ELSE 'execution_date' END AS key
FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass('{{table}}') AND NOT attisdropped AND attname IN ({{names}})
\gset
\if :there
\echo {{table}}
COPY (SELECT :columns FROM {{table}} AS t{{where}}) TO STDOUT WITH (FORMAT csv, HEADER) \g {{file}}
\endif
