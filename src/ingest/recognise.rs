//! What an input is, by its content: first bytes, then the names of its columns. Never by its name or by position.

use super::{
    Error,
    airflow_columns::Columns,
    archive, columns_read, json, lineage, logs, markers, metrics, open,
    reading::Fault,
    server::Server,
    session::Settings,
    source::{Content, Source},
    sqlite,
    table::{self, DELIMITERS},
    table_kind::{Table, table_of},
};
use std::path::{Path, PathBuf};

/// Bytes that are looked at before a file is taken for a table.
const HEAD: usize = 8_192;

/// The tables in the file at `path`, which the user calls `shown`.
pub fn recognise(path: &Path, shown: &str, settings: &Settings) -> Result<Vec<Source>, Error> {
    let unrecognised = |reason: String| Error::Unrecognised { path: PathBuf::from(shown), reason };
    let head = open::head(path, HEAD)?;
    if head.is_empty() {
        return Err(unrecognised("the file is empty".to_owned()));
    }
    if head.starts_with(sqlite::MAGIC) {
        return database(path, shown);
    }
    let source = |content| Ok(vec![Source { path: path.into(), shown: shown.to_owned(), sha256: None, content }]);
    let name = Path::new(shown).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if archive::recognise(&head) {
        return source(Content::Archive);
    }
    if let Some(reason) = no_text(&head) {
        return Err(unrecognised(reason.to_owned()));
    }
    if lineage::recognise(&head) {
        return source(Content::Lineage);
    }
    if let Some(format) = json::recognise(&head) {
        return match format {
            json::Format::Refused(reason) => Err(unrecognised(reason)),
            format => source(Content::Json(format)),
        };
    }
    let mut first_header = None;
    if !begins_json(&head) {
        for delimiter in DELIMITERS {
            let header = table::header(path, delimiter)?;
            if let Some(table) = table_of(&header) {
                return source(text_table(header, table, delimiter).map_err(unrecognised)?);
            }
            let mapped = settings.csv.as_ref().is_some_and(|csv| header.contains(&csv.time.to_ascii_lowercase()));
            if mapped && header.len() > 1 {
                return source(Content::Metrics(metrics::Format::Table));
            }
            first_header.get_or_insert(header);
        }
    }
    if let Some(format) = logs::Format::recognise(&head, shown) {
        return source(Content::Log(format));
    }
    if let Some(format) = metrics::recognise(&head, &name) {
        return source(Content::Metrics(format));
    }
    if let Some(format) = markers::recognise(&head, &name) {
        return match format {
            markers::Format::Refused(reason) => Err(unrecognised(reason)),
            format => source(Content::Markers(format)),
        };
    }
    if begins_json(&head) && is_own(&head) {
        return Err(Error::Own { path: path.into() });
    }
    if begins_json(&head) {
        return Err(unrecognised("JSON of no kind that is known".to_owned()));
    }
    let header = first_header.unwrap_or_default();
    let is_of_instances = ["dag_id", "task_id", "run_id"].iter().all(|name| header.iter().any(|column| column == name));
    let reason = if is_of_instances {
        "it names task instances, but has neither what an export has nor `rows` or `bytes`, for how much each of them \
         handled; its header is"
    } else {
        "no export, log or metrics of a kind that is known; as a table it has an unknown header"
    };
    let fault = Fault::of(reason, &header.join(","));
    Err(unrecognised(format!("{}; `windtunnel export-sql` prints the script that exports tables", fault.text())))
}

/// A receipt, an analysis, or the truth of a generated history.
fn is_own(head: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&head[..head.len().min(200)]).replace(char::is_whitespace, "");
    start.starts_with("{\"schema\":\"windtunnel.") || start.starts_with("{\"format\":\"windtunnel")
}

fn begins_json(head: &[u8]) -> bool {
    matches!(head.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn text_table(header: Vec<String>, table: Table, delimiter: u8) -> Result<Content, String> {
    let doubled = header.iter().enumerate().find(|(i, name)| header[..*i].contains(name));
    if let Some((_, name)) = doubled {
        return Err(format!("column `{name}` stands twice in the header: which one is meant? Export named columns"));
    }
    Ok(Content::Text { table, columns: Columns::new(header), delimiter })
}

/// What a file is that holds no text of use.
fn no_text(head: &[u8]) -> Option<&'static str> {
    let text = head.trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        Some("the text is UTF-16; save it as UTF-8")
    } else if begins(b"<!doctype") || begins(b"<html") || begins(b"<?xml") {
        Some(
            "an HTML page, not an export: was it saved from a login page? Export the tables instead (`windtunnel export-sql`)",
        )
    } else if head.starts_with(b"PK\x03\x04") {
        Some("a zip archive: unpack it and ingest the files")
    } else if head.contains(&0) {
        Some("a binary file of no kind that is known")
    } else {
        None
    }
}

fn database(path: &Path, shown: &str) -> Result<Vec<Source>, Error> {
    // Several tables share one file, which is read once for each.
    let sha256 = Some(open::hash(path)?);
    let source = |table, header, name| Source {
        path: path.into(),
        shown: format!("{shown}#{name}"),
        sha256: sha256.clone(),
        content: Content::Sqlite { table, columns: Columns::new(header), name },
    };
    sources(shown, "SQLite", sqlite::tables(path)?, source)
}

/// The tables in the database on a server.
pub fn recognise_server(server: &Server) -> Result<Vec<Source>, Error> {
    let source = |table, header: Vec<String>, name| {
        let fetched = columns_read::wanted(table, &header);
        Source {
            path: PathBuf::new(),
            shown: format!("{}#{name}", server.shown()),
            sha256: None,
            content: Content::Server {
                table,
                columns: Columns::new(fetched.clone()),
                name,
                fetched,
                server: server.clone(),
            },
        }
    };
    sources(server.shown(), server.system(), server.tables()?, source)
}

fn sources(
    shown: &str,
    system: &str,
    tables: Vec<(String, Vec<String>)>,
    source: impl Fn(Table, Vec<String>, String) -> Source,
) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    for (name, header) in tables {
        let known = table_of(&header).filter(|table| table.home().is_some());
        if known.is_none() && NEEDED.contains(&name.as_str()) {
            let reason = format!(
                "table `{name}` is not Airflow's: it lacks a column that every version has; it has {}",
                header.join(",")
            );
            return Err(Error::Unrecognised { path: shown.into(), reason });
        }
        sources.extend(known.map(|table| source(table, header, name)));
    }
    if sources.is_empty() {
        let reason = format!("a {system} database without Airflow's tables");
        return Err(Error::Unrecognised { path: shown.into(), reason });
    }
    Ok(sources)
}

/// Tables without which a history is not whole: one that cannot be read is said, not passed over.
const NEEDED: [&str; 2] = ["task_instance", "dag_run"];
