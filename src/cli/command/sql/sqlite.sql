-- Exports what `windtunnel ingest` reads from the metadata database of Airflow {{airflow}} (SQLite): a CSV file a table.
-- Rather let windtunnel read the database file itself where it can: `windtunnel weekly airflow.db`.
--
--   run it:  sqlite3 -batch -readonly airflow.db < export.sql
--   then:    windtunnel weekly {{shell_dir}}
--
-- The script only reads, in one transaction, so that the tables agree with each other. It selects no connections,
-- variables, XComs, run configurations, rendered templates or pickled columns. serialized_dag holds DAGs as their authors
-- wrote them, arguments of operators included: where secrets stand in DAG files, delete its part below.
{{note}}.bail on
.nullvalue ""
.headers off
.mode list
{{make_folder}}

BEGIN;
-- Minor versions differ in columns and tables, and only a script can name those that there are: it is written first.
.output {{script}}
SELECT CASE WHEN group_concat(name) IS NOT '{{fingerprint}}' THEN
    '.print "these are not the tables of Airflow {{airflow}}: wrong database or --airflow"' || char(10) || '.exit 1'
    ELSE '' END
FROM (SELECT name FROM pragma_table_info('dag_run') WHERE name IN ('execution_date', 'logical_date', 'run_type') ORDER BY name);
{{tables}}
.output
.mode csv
.read {{script}}
.output
COMMIT;
{{remove_script}}
