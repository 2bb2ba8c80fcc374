-- Exports what `windtunnel ingest` reads from the metadata database of Airflow {{airflow}} (MySQL or MariaDB): a CSV file a table.
--
--   run it (one line; add --host and so on to mysql; `airflow` is the name of the database):
--
-- mkdir -p -- {{shell_dir}} && mysql --batch --raw --skip-column-names --quick airflow < export.sql | ( cd -- {{shell_dir}} && awk '!odd && /^#/ { if (f) close(f); f = substr($0, 2); next } { print > f } gsub(/"/, "&") % 2 { odd = !odd } END { if (f != "end") { print "the export is not complete" > "/dev/stderr"; exit 1 } }' )
--
--   then:    windtunnel weekly {{shell_dir}}
--
-- The mysql client cannot write files, so awk parts its output: a line that begins with # outside of quotes names the
-- next file. In the data every value is in quotes, so that no value can be taken for such a line.
--
-- The script only reads, in one read-only transaction, so that the tables agree with each other. It selects no
-- connections, variables, XComs, run configurations, rendered templates or pickled columns. serialized_dag holds DAGs as
-- their authors wrote them, arguments of operators included: where secrets stand in DAG files, delete its part below.
{{note}}
SET NAMES utf8mb4;
SET SESSION sql_mode = '';
SET SESSION time_zone = '+00:00';
SET SESSION group_concat_max_len = 1000000;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;
START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;

SELECT GROUP_CONCAT(column_name ORDER BY column_name) INTO @found FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = 'dag_run'
    AND column_name IN ('execution_date', 'logical_date', 'run_type');
-- Nothing but a statement that is no statement stops a script here; the error shows its text.
SET @sql = IF(@found <=> '{{fingerprint}}', 'DO 0', 'these are not the tables of Airflow {{airflow}}: wrong database or --airflow');
PREPARE part FROM @sql;

-- Minor versions differ in columns and tables: each part asks which there are, and takes those.
{{tables}}
SELECT '#end';
COMMIT;
