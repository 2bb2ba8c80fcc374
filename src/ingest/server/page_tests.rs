//! Pages against a real engine: whatever the keys and the size of a page, each row once and in order.

use super::*;
use crate::ingest::reading::Fault;
use proptest::prelude::*;
use rusqlite::{Connection, types::ValueRef};

/// SQLite in the place of a server: it understands what both dialects write, but for the hint. A row whose state is `huge`
/// cannot be read.
struct Fake {
    dialect: Dialect,
    connection: Connection,
    statements: Vec<String>,
}

impl Client for Fake {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn query(&mut self, sql: &[u8], _: u64, each: &mut Each<'_>) -> Result<(), Failure> {
        let sql = String::from_utf8(sql.to_vec()).expect("text");
        self.statements.push(sql.clone());
        let mut statement = self.connection.prepare(&sql.replace(" FORCE INDEX (PRIMARY)", "")).expect("SQL");
        let width = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let values: Vec<Option<Vec<u8>>> = (0..width)
                .map(|column| match row.get_ref(column).expect("a value") {
                    ValueRef::Text(text) | ValueRef::Blob(text) => Some(text.to_vec()),
                    ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
                    ValueRef::Null | ValueRef::Real(_) => None,
                })
                .collect();
            let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
            let cells = Cells { values: &values };
            let is_huge = cells.get(width - 1) == Some(b"huge");
            each(if is_huge { Err(Fault::new("too large")) } else { Ok(cells) })?;
        }
        Ok(())
    }
}

fn column(name: &str, type_name: &str) -> Column {
    Column { name: name.to_owned(), type_name: type_name.to_owned() }
}

fn table(key: &[usize]) -> Table {
    let columns = vec![column("State", "varchar"), column("dag_id", "varchar"), column("number", "bigint")];
    Table { name: "runs".to_owned(), columns, key: key.to_vec() }
}

fn fake(dialect: Dialect, rows: &[(String, i64, &str)]) -> Fake {
    let connection = Connection::open_in_memory().expect("SQLite");
    connection.execute_batch("CREATE TABLE runs (State TEXT, dag_id TEXT, number INTEGER)").expect("a table");
    for row in rows {
        let sql = "INSERT INTO runs (dag_id, number, State) VALUES (?1, ?2, ?3)";
        connection.execute(sql, rusqlite::params![row.0, row.1, row.2]).expect("insert");
    }
    Fake { dialect, connection, statements: Vec::new() }
}

type Rows = (Vec<(String, String)>, u64, Read);

fn read_all(fake: &mut Fake, key: &[usize], page_rows: u64) -> Rows {
    let wanted = ["number", "state"].map(str::to_owned);
    let (mut rows, mut faults) = (Vec::new(), 0);
    let read = read(fake, &table(key), &wanted, [page_rows; 2], &mut |row| {
        let text = |cells: &Cells<'_>, n| String::from_utf8_lossy(cells.get(n).unwrap_or_default()).into_owned();
        match row {
            Ok(cells) => rows.push((text(&cells, 0), text(&cells, 1))),
            Err(_) => faults += 1,
        }
        Ok(())
    });
    (rows, faults, read.expect("a reading"))
}

proptest! {
    #[test]
    fn each_row_comes_once_and_in_order(
        keys in prop::collection::btree_set(("[a-c'\\\\é%]{0,2}", -2..3_i64), 0..30),
        states in prop::collection::vec(prop::sample::select(&["ok", "", "huge"][..]), 30),
        page_rows in 1..6_u64,
    ) {
        let rows: Vec<_> = keys.into_iter().zip(&states).map(|((dag, number), state)| (dag, number, *state)).collect();
        let kept = rows.iter().filter(|row| row.2 != "huge");
        let want: Vec<_> = kept.map(|row| (row.1.to_string(), row.2.to_owned())).collect();
        for dialect in [Dialect::Postgres, Dialect::Mysql] {
            let mut shuffled = rows.clone();
            shuffled.reverse();
            let mut fake = fake(dialect, &shuffled);
            let (got, faults, paged) = read_all(&mut fake, &[1, 2], page_rows);
            prop_assert_eq!(&got, &want);
            prop_assert_eq!(faults as usize, rows.len() - want.len());
            prop_assert_eq!(fake.statements.len(), rows.len() / page_rows as usize + 1);
            // The sum does not depend on the size of a page.
            let (_, _, whole) = read_all(&mut fake, &[1, 2], 100);
            prop_assert_eq!(paged, whole);
        }
    }
}

#[test]
fn without_a_key_one_statement_reads_all() {
    let mut fake = fake(Dialect::Postgres, &[("a".to_owned(), 1, "x"), ("a".to_owned(), 1, "x")]);
    assert_eq!(read_all(&mut fake, &[], 1).0.len(), 2);
    assert_eq!(fake.statements, ["SELECT \"number\", \"State\" FROM \"runs\""]);
}

#[test]
fn statements_of_both_dialects() {
    let rows = [("a'b".to_owned(), 7, "x"), ("z".to_owned(), 8, "x")];
    let mut postgres = fake(Dialect::Postgres, &rows[..1]);
    read_all(&mut postgres, &[1, 2], 1);
    assert_eq!(
        postgres.statements,
        [
            "SELECT \"dag_id\", \"number\", \"number\", \"State\" FROM \"runs\" ORDER BY \"dag_id\", \"number\" LIMIT 1 OFFSET 0",
            "SELECT \"dag_id\", \"number\", \"number\", \"State\" FROM \"runs\" WHERE (\"dag_id\", \"number\") > ('a''b', '7') \
             ORDER BY \"dag_id\", \"number\" LIMIT 1 OFFSET 0",
        ]
    );
    let mut mysql = fake(Dialect::Mysql, &rows[..1]);
    read_all(&mut mysql, &[1, 2], 1);
    assert_eq!(
        mysql.statements[1],
        "SELECT `dag_id`, `number`, `number`, `State` FROM `runs` FORCE INDEX (PRIMARY) \
         WHERE `dag_id` > 'a''b' OR `dag_id` = 'a''b' AND `number` > 7 ORDER BY `dag_id`, `number` LIMIT 1 OFFSET 0"
    );
}

#[test]
fn large_values_make_small_pages_and_floats_come_whole() {
    let mut large = table(&[1]);
    large.columns[2] = column("number", "json");
    let rows = |columns: &[&str]| {
        let wanted: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        Plan::new(Dialect::Mysql, &large, &wanted, [10_000, 1_000]).map(|plan| plan.limit)
    };
    assert_eq!(rows(&["state"]).expect("a plan"), Some(10_000));
    assert_eq!(rows(&["state", "number"]).expect("a plan"), Some(1_000));
    assert_eq!(rows(&["colour"]).expect_err("no column").to_string(), "runs has no column colour");
    let mut sql = Sql::new(Dialect::Mysql, "");
    sql.selected(&column("a`b", "float"));
    sql.value(&column("x", "varbinary"), b"\x00'");
    assert_eq!(String::from_utf8_lossy(&sql.text), "(`a``b` + 0e0)x'0027'");
}

#[test]
fn a_sum_tells_values_apart() {
    let of = |values: &[Option<&[u8]>]| {
        let mut sum = Sum::new("t", &["a".to_owned()]);
        values.iter().for_each(|value| sum.value(*value));
        sum.finish()
    };
    let (ab_c, a_bc) = (of(&[Some(b"ab"), Some(b"c")]), of(&[Some(b"a"), Some(b"bc")]));
    assert_ne!(ab_c.sha256, a_bc.sha256);
    assert_eq!(ab_c.bytes, 3);
    assert_ne!(of(&[None]).sha256, of(&[Some(b"")]).sha256);
}
