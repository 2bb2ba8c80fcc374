//! Ways into a metadata database, and what is not possible once inside: writing.

use super::{
    server::{fails, ingest, run},
    servers::{Kind, PASSWORD, Server, pass_over},
    support::{World, arg, count},
};
use std::{os::unix::fs::PermissionsExt, process::Command};

fn rows_read(receipt: &serde_json::Value) -> u64 {
    count(&receipt["totals"]["rows_read"])
}

#[test]
fn a_password_is_taken_from_each_of_its_places() {
    let Some(server) = Server::start(Kind::Postgres, &[]) else { return };
    server.load_airflow("airflow");
    let (world, url) = (World::new(), server.url("airflow"));
    let file = world.write("password", format!("{PASSWORD}\n"));
    let escaped = PASSWORD.replace('\\', "\\\\");
    let passfile = world.write("passfile", format!("127.0.0.1:{}:airflow:reader:{escaped}\n", server.port));
    std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o600)).expect("chmod");
    run(&world, &["ingest", "--password-file", arg(&file), &url], &[("PGPASSWORD", "wrong")]).exits(0);
    run(&world, &["ingest", &url], &[("PGPASSWORD", PASSWORD)]).exits(0);
    run(&world, &["ingest", &url], &[("PGPASSFILE", arg(&passfile))]).exits(0);
    std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let open = run(&world, &["ingest", &url], &[("PGPASSFILE", arg(&passfile))]).exits(1);
    assert!(open.stderr.contains("chmod 600") && !open.says().contains(PASSWORD), "{open:?}");
}

#[test]
fn sockets_and_schemas() {
    let Some(server) = Server::start(Kind::Postgres, &[]) else { return };
    server.load_airflow("airflow");
    let folder = arg(server.folder());
    let whole = rows_read(&ingest(&World::new(), &server.url("airflow")));
    let socket = format!("postgresql:///airflow?host={folder}&port={}&user=reader", server.port);
    assert_eq!(rows_read(&ingest(&World::new(), &socket)), whole);
    server.sql("airflow", "CREATE SCHEMA \"My air\"; GRANT USAGE ON SCHEMA \"My air\" TO reader");
    for table in ["dag_run", "task_instance"] {
        server.sql("airflow", &format!("ALTER TABLE {table} SET SCHEMA \"My air\""));
    }
    let in_schema = format!("{}?schema=My%20air", server.url("airflow"));
    assert_eq!(rows_read(&ingest(&World::new(), &in_schema)), 528 + 4149);
    let in_both = format!("{}?search_path=%22My%20air%22,public", server.url("airflow"));
    assert_eq!(rows_read(&ingest(&World::new(), &in_both)), whole);
}

/// Tables that would write when they are read: the server refuses, whatever the user may do.
#[test]
fn nothing_that_is_read_can_write() {
    let Some(server) = Server::start(Kind::Postgres, &[]) else { return };
    server.load_airflow("airflow");
    server.sql(
        "airflow",
        "CREATE TABLE noted (x INTEGER); GRANT ALL ON noted TO reader; \
         CREATE FUNCTION note() RETURNS TEXT LANGUAGE sql VOLATILE AS 'INSERT INTO noted VALUES (1) RETURNING 1::TEXT'; \
         ALTER TABLE dag_run RENAME TO dag_run_table; \
         CREATE VIEW dag_run AS SELECT dag_id, run_id, state, start_date, end_date, note() AS run_type FROM dag_run_table; \
         GRANT SELECT ON dag_run TO reader",
    );
    fails(&World::new(), &[&server.url("airflow")], PASSWORD, &["read-only transaction", "nothing was written"]);
    assert_eq!(server.sql("airflow", "SELECT COUNT(*) FROM noted").trim(), "0");
}

#[test]
fn nothing_that_is_read_can_write_in_mariadb() {
    let Some(server) = Server::start(Kind::Mariadb, &[]) else { return };
    server.load_airflow("airflow");
    server.sql(
        "airflow",
        "CREATE TABLE noted (x INTEGER);\nDELIMITER //\n\
         CREATE FUNCTION note() RETURNS TEXT BEGIN INSERT INTO noted VALUES (1); RETURN '1'; END//\nDELIMITER ;\n\
         GRANT ALL ON airflow.* TO reader; RENAME TABLE dag_run TO dag_run_table; \
         CREATE VIEW dag_run AS SELECT dag_id, run_id, state, start_date, end_date, note() AS run_type FROM dag_run_table",
    );
    // Here such a view does not even show its columns.
    let _ = run(&World::new(), &["ingest", &server.url("airflow")], &[("MYSQL_PWD", PASSWORD)]);
    assert_eq!(server.sql("airflow", "SELECT COUNT(*) FROM noted").trim(), "0");
}

/// A server whose certificate is its own: encrypted in every mode, believed where it is named.
#[test]
fn encryption_is_what_the_url_asks_for() {
    let keys = tempfile::TempDir::new().expect("a folder");
    let (key, certificate) = (keys.path().join("key"), keys.path().join("certificate"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout", arg(&key), "-out", arg(&certificate)])
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        return pass_over("openssl");
    }
    let Some(server) = Server::start(Kind::Postgres, &[]) else { return };
    server.load_airflow("airflow");
    let url = |options: &str| format!("{}?{options}", server.url("airflow").replace("127.0.0.1", "localhost"));
    fails(&World::new(), &[&url("sslmode=require")], PASSWORD, &["offers no encryption"]);
    server.take_keys(&key, &certificate);
    server.sql("", "ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf()");
    let root = format!("sslrootcert={}", arg(&certificate));
    for options in ["sslmode=require", &format!("sslmode=verify-full&{root}"), &format!("sslmode=verify-ca&{root}")] {
        assert!(rows_read(&ingest(&World::new(), &url(options))) > 0, "{options}");
    }
    fails(&World::new(), &[&url("sslmode=verify-full")], PASSWORD, &["certificate", "sslrootcert"]);
    let elsewhere = url(&format!("sslmode=verify-full&{root}")).replace("localhost", "127.0.0.1");
    fails(&World::new(), &[&elsewhere], PASSWORD, &["not valid for name"]);
}

/// A certificate that an authority of its own signed, as a server of a company has it.
#[test]
fn encryption_of_mariadb_is_what_the_url_asks_for() {
    let keys = tempfile::TempDir::new().expect("a folder");
    let path = |name: &str| keys.path().join(name).to_str().expect("UTF-8").to_owned();
    std::fs::set_permissions(keys.path(), std::fs::Permissions::from_mode(0o755)).expect("chmod");
    std::fs::write(path("names"), "subjectAltName=DNS:localhost\n").expect("write");
    let (root, root_key, key, request, certificate) =
        (path("root"), path("root.key"), path("key"), path("request"), path("certificate"));
    let new_key = ["-newkey", "rsa:2048", "-nodes"];
    let openssl = |args: &[&str]| Command::new("openssl").args(args).output().is_ok_and(|made| made.status.success());
    let (ca, server) = ("/CN=An authority", "/CN=localhost");
    let made = openssl(
        &[&["req", "-x509", "-days", "2", "-subj", ca, "-keyout", &root_key, "-out", &root], &new_key[..]].concat(),
    ) && openssl(&[&["req", "-subj", server, "-keyout", &key, "-out", &request], &new_key[..]].concat())
        && openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &root,
            "-CAkey",
            &root_key,
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            &path("names"),
            "-out",
            &certificate,
        ]);
    if !made {
        return pass_over("openssl");
    }
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let options =
        [format!("--ssl-cert={certificate}"), format!("--ssl-key={key}"), "--require-secure-transport".to_owned()];
    let Some(server) = Server::start(Kind::Mariadb, &options.each_ref().map(String::as_str)) else { return };
    server.load_airflow("airflow");
    let url = |options: &str| format!("{}?{options}", server.url("airflow").replace("127.0.0.1", "localhost"));
    let trusted = format!("sslrootcert={root}");
    let modes =
        ["", "sslmode=require", &format!("sslmode=verify-ca&{trusted}"), &format!("sslmode=verify-full&{trusted}")];
    for options in modes {
        assert!(rows_read(&ingest(&World::new(), &url(options))) > 0, "{options}");
    }
    fails(&World::new(), &[&url("sslmode=disable")], PASSWORD, &["the server says"]);
    fails(&World::new(), &[&url("sslmode=verify-full")], PASSWORD, &["certificate", "sslrootcert"]);
    let elsewhere = url(&format!("sslmode=verify-full&{trusted}")).replace("localhost", "127.0.0.1");
    fails(&World::new(), &[&elsewhere], PASSWORD, &["not valid for name"]);
    // The MySQL library looks at the name here as well: stricter than asked, never less.
    let by_authority = url(&format!("sslmode=verify-ca&{trusted}")).replace("localhost", "127.0.0.1");
    fails(&World::new(), &[&by_authority], PASSWORD, &["not valid for name"]);
}

/// What is no URL is taken for a path; a password in it is not told all the same.
#[test]
fn a_mistyped_url_does_not_tell_its_password() {
    let world = World::new();
    for url in ["postgresql:/u:S3CR3T@h/db", "mysql//u:S3CR3T@h/db", "host=h user=u password=S3CR3T"] {
        fails(&world, &[url], "S3CR3T", &["error: "]);
    }
}
