-- Exports what `windtunnel ingest` reads from the metadata database of Airflow {{airflow}} (PostgreSQL): a CSV file a table.
--
--   run it:  psql "$AIRFLOW_DB" -X -f export.sql
--            (psql 10 or later)
--   then:    windtunnel weekly {{shell_dir}}
--
-- AIRFLOW_DB is a URL such as postgresql://user@host/airflow: without the +psycopg2 of Airflow's own setting.
-- Where Airflow's tables are in a schema of their own, set PGOPTIONS="-c search_path=<schema>" before.
--
-- The script only reads, in one read-only transaction, so that the tables agree with each other. It selects no
-- connections, variables, XComs, run configurations, rendered templates or pickled columns. serialized_dag holds DAGs as
-- their authors wrote them, arguments of operators included: where secrets stand in DAG files, delete its part below.
{{note}}\set ON_ERROR_STOP on
\set QUIET on
-- On Windows make the folder yourself, and delete this line.
\! mkdir -p -- {{shell_dir}}

BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO';
SET LOCAL client_encoding = 'UTF8';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 3;

DO $$
BEGIN
    IF (
        SELECT string_agg(attname::text, ',' ORDER BY attname::text) FROM pg_catalog.pg_attribute
        WHERE attrelid = to_regclass('dag_run') AND NOT attisdropped
            AND attname IN ('execution_date', 'logical_date', 'run_type')
    ) IS DISTINCT FROM '{{fingerprint}}' THEN
        RAISE EXCEPTION 'these are not the tables of Airflow {{airflow}}: wrong database, search_path or --airflow';
    END IF;
END
$$;

-- Minor versions differ in columns and tables: each part asks which there are, and takes those.
{{tables}}
COMMIT;
