//! Pieces of SQL as PostgreSQL and MySQL want them: names, values, and "behind this key".

use super::catalog::Column;

/// How a statement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Mysql,
}

/// A statement in the making. Bytes, as keys need not be UTF-8.
pub(super) struct Sql {
    dialect: Dialect,
    pub(super) text: Vec<u8>,
}

impl Sql {
    pub(super) fn new(dialect: Dialect, text: &str) -> Self {
        Self { dialect, text: text.as_bytes().to_vec() }
    }

    pub(super) fn add(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    pub(super) fn list<'c>(
        &mut self,
        columns: impl Iterator<Item = &'c &'c Column>,
        mut write: impl FnMut(&mut Self, &Column),
    ) {
        for (n, column) in columns.enumerate() {
            if n > 0 {
                self.add(", ");
            }
            write(self, column);
        }
    }

    pub(super) fn name(&mut self, name: &str) {
        let quote = if self.dialect == Dialect::Postgres { "\"" } else { "`" };
        self.add(&format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2))));
    }

    pub(super) fn selected(&mut self, column: &Column) {
        // MySQL writes a FLOAT with six digits, which makes 12.3457 of 12.345678 seconds; as a double it has all it holds.
        let single = self.dialect == Dialect::Mysql && column.type_name == "float";
        self.add(if single { "(" } else { "" });
        self.name(&column.name);
        self.add(if single { " + 0e0)" } else { "" });
    }

    pub(super) fn value(&mut self, column: &Column, value: &[u8]) {
        let is_digit = |byte: &u8| byte.is_ascii_digit() || b"-.".contains(byte);
        if self.dialect == Dialect::Mysql && column.is_binary() {
            let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            self.add(&format!("x'{digits}'"));
        } else if self.dialect == Dialect::Mysql && column.is_number() && value.iter().all(is_digit) {
            // In quotes MySQL would compare it as a double, which is too coarse for a large number.
            self.text.extend_from_slice(value);
        } else {
            self.quoted(value);
        }
    }

    /// A text. The sessions take a backslash for nothing but itself.
    pub(super) fn quoted(&mut self, value: &[u8]) {
        self.text.push(b'\'');
        for byte in value {
            self.text.extend_from_slice(if *byte == b'\'' { b"''" } else { std::slice::from_ref(byte) });
        }
        self.text.push(b'\'');
    }

    /// Rows whose key is greater than `values`.
    pub(super) fn behind(&mut self, key: &[&Column], values: &[Vec<u8>]) {
        match self.dialect {
            Dialect::Postgres => {
                self.add("(");
                self.list(key.iter(), |sql, column| sql.name(&column.name));
                self.add(") > (");
                for (n, (column, value)) in key.iter().zip(values).enumerate() {
                    self.add(if n > 0 { ", " } else { "" });
                    self.value(column, value);
                }
                self.add(")");
            }
            Dialect::Mysql => self.behind_spelled_out(key, values),
        }
    }

    /// MySQL reads an index from its start for `(a, b) > (1, 2)`, and from the first row with `a = 1` for the shorter ways to
    /// write it. For `a > 1 OR a = 1 AND b > 2` it reads what is wanted.
    fn behind_spelled_out(&mut self, key: &[&Column], values: &[Vec<u8>]) {
        for last in 0..key.len() {
            self.add(if last > 0 { " OR " } else { "" });
            for (n, (column, value)) in key.iter().zip(values).enumerate().take(last + 1) {
                self.add(if n > 0 { " AND " } else { "" });
                self.name(&column.name);
                self.add(if n < last { " = " } else { " > " });
                self.value(column, value);
            }
        }
    }
}
