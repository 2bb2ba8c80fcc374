//! One object as a row whose columns carry the names of the metadata database.

use super::{
    kind::{Family, How, Key, Kind},
    pull::{Pull, Raw, Value, Wrong},
};
use crate::ingest::{fields::Field, table::RowView};

/// Keys whose places are remembered: an object of Airflow has fewer than 40.
const MAX_REMEMBERED: usize = 128;

/// One value, as the row gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Cell {
    #[default]
    Null,
    Int(i64),
    Real(f64),
    /// A part of the row's text.
    Text(usize, usize),
}

/// A key and its place among the family's.
type Numbered = (u32, Key);

/// Reads objects into rows, one after the other, in the same memory.
#[derive(Debug, Default)]
pub(super) struct Reader {
    row: Row,
    family: Option<Family>,
    /// Keys in the order of the object before: the next one mostly has the same.
    order: Vec<(Vec<u8>, Option<Numbered>)>,
}

/// One row.
#[derive(Debug, Default)]
pub(super) struct Row {
    cells: Vec<Cell>,
    text: Vec<u8>,
    /// Texts of the one list that is kept: tags of a DAG, or the tasks behind a task.
    names: Vec<(usize, usize)>,
    /// Columns whose key was there, whatever its value: one bit each.
    told: u64,
    /// Keys that were there, by their place among the family's: one bit each.
    keys: u64,
    marked: bool,
}

impl RowView for Row {
    fn field(&self, column: usize) -> Field<'_> {
        match self.cells.get(column) {
            None | Some(Cell::Null) => Field::Null,
            Some(Cell::Int(value)) => Field::Int(*value),
            Some(Cell::Real(value)) => Field::Real(*value),
            Some(Cell::Text(from, to)) => Field::from_bytes(self.text.get(*from..*to).unwrap_or_default()),
        }
    }
}

impl Row {
    /// Was the key of this column of `kind` there?
    pub(super) fn tells(&self, kind: Kind, name: &str) -> bool {
        kind.columns().iter().position(|column| *column == name).is_some_and(|at| self.told >> at & 1 == 1)
    }

    /// Was a key there that only marks the object?
    pub(super) fn marked(&self) -> bool {
        self.marked
    }

    /// Texts of the one list that is kept.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(|(from, to)| self.text.get(*from..*to).unwrap_or_default())
    }

    /// The value of a column by name.
    pub(super) fn named(&self, kind: Kind, name: &str) -> Field<'_> {
        let at = kind.columns().iter().position(|column| *column == name);
        at.map_or(Field::Null, |at| self.field(at))
    }

    fn put(&mut self, raw: Raw<'_>) -> Result<(usize, usize), Wrong> {
        let from = self.text.len();
        raw.unescape(&mut self.text)?;
        Ok((from, self.text.len()))
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> Cell {
        let from = self.text.len();
        self.text.extend_from_slice(bytes);
        Cell::Text(from, self.text.len())
    }

    fn fill(&mut self, pull: &mut Pull<'_>, how: How) -> Result<Cell, Wrong> {
        let from = pull.at();
        let value = pull.value()?;
        match (how, value) {
            (How::Mark, value) => {
                pull.skip_rest(value)?;
                self.marked = true;
                Ok(Cell::Null)
            }
            (How::Names, Value::List) => {
                self.read_names(pull)?;
                Ok(Cell::Null)
            }
            (How::Joined, Value::List) => self.join(pull),
            (How::Member(name) | How::MemberOr(name), Value::Object) => {
                let inner = self.member(pull, name)?;
                if inner == Cell::Null && matches!(how, How::MemberOr(_)) {
                    return Ok(self.put_bytes(pull.since(from)));
                }
                Ok(inner)
            }
            (_, Value::Object | Value::List) => {
                // No value of a column is an object: kept as it stands, for the fault to show.
                pull.skip_rest(value)?;
                Ok(self.put_bytes(pull.since(from)))
            }
            (_, value) => self.plain(value),
        }
    }

    fn plain(&mut self, value: Value<'_>) -> Result<Cell, Wrong> {
        Ok(match value {
            Value::Int(value) => Cell::Int(value),
            Value::Real(value) => Cell::Real(value),
            Value::Text(raw) => self.put(raw).map(|(from, to)| Cell::Text(from, to))?,
            Value::Bool(value) => self.put_bytes(if value { b"true" } else { b"false" }),
            _ => Cell::Null,
        })
    }

    fn member(&mut self, pull: &mut Pull<'_>, name: &str) -> Result<Cell, Wrong> {
        let mut found = Cell::Null;
        let mut first = true;
        while let Some(key) = pull.key(&mut first)? {
            let value = pull.value()?;
            match value {
                Value::Object | Value::List => pull.skip_rest(value)?,
                value if key == name.as_bytes() => found = self.plain(value)?,
                _ => {}
            }
        }
        Ok(found)
    }

    fn join(&mut self, pull: &mut Pull<'_>) -> Result<Cell, Wrong> {
        let from = self.text.len();
        let mut first = true;
        while pull.element(&mut first)? {
            let value = pull.value()?;
            match value {
                Value::Text(raw) => {
                    if self.text.len() > from {
                        self.text.extend_from_slice(b", ");
                    }
                    raw.unescape(&mut self.text)?;
                }
                value => pull.skip_rest(value)?,
            }
        }
        Ok(Cell::Text(from, self.text.len()))
    }

    fn read_names(&mut self, pull: &mut Pull<'_>) -> Result<(), Wrong> {
        let mut first = true;
        while pull.element(&mut first)? {
            match pull.value()? {
                Value::Text(raw) => {
                    let place = self.put(raw)?;
                    self.names.push(place);
                }
                Value::Object => {
                    if let Cell::Text(from, to) = self.member(pull, "name")? {
                        self.names.push((from, to));
                    }
                }
                value => pull.skip_rest(value)?,
            }
        }
        Ok(())
    }
}

impl Reader {
    /// Reads one object of `family`. `words_for_nothing`: is the text `None` no value, as where a command printed it?
    pub(super) fn read(&mut self, family: Family, json: &[u8], words_for_nothing: bool) -> Result<&Row, Wrong> {
        if self.family != Some(family) {
            self.family = Some(family);
            self.order.clear();
        }
        let row = &mut self.row;
        row.text.clear();
        row.names.clear();
        row.cells.clear();
        row.cells.resize(64, Cell::Null);
        (row.told, row.keys, row.marked) = (0, 0, false);
        let mut pull = Pull::new(json);
        if pull.value()? != Value::Object {
            return Err(Wrong { wanted: "an object", at: 0 });
        }
        let mut first = true;
        let mut place = 0;
        while let Some(key) = pull.key(&mut first)? {
            let known = match self.order.get(place) {
                Some((before, known)) if before == key => *known,
                _ => {
                    let known = (0..).zip(family.keys().iter().copied()).find(|(_, (name, ..))| name.as_bytes() == key);
                    if place < MAX_REMEMBERED && key.len() <= MAX_REMEMBERED {
                        self.order.truncate(place);
                        self.order.push((key.to_vec(), known));
                    }
                    known
                }
            };
            place += 1;
            let Some((number, (_, column, how))) = known else {
                pull.skip()?;
                continue;
            };
            if row.keys >> number & 1 == 1 {
                // Two rows whose border is lost would read as one.
                return Err(Wrong { wanted: "a bracket before a key that stands twice", at: pull.at() });
            }
            row.keys |= 1 << number;
            let mut cell = row.fill(&mut pull, how)?;
            if let Cell::Text(from, to) = cell
                && (from == to || words_for_nothing && row.text.get(from..to) == Some(b"None"))
            {
                cell = Cell::Null;
            }
            let Some(slot) = row.cells.get_mut(column) else { continue };
            row.told |= 1 << column;
            // Two keys may fill one column, as `execution_date` and `logical_date` do: the first value stays.
            if *slot == Cell::Null {
                *slot = cell;
            }
        }
        pull.end()?;
        Ok(&self.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(field: Field<'_>) -> String {
        match field {
            Field::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Field::Null => "-".to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn columns(family: Family, json: &str, names: &[&str]) -> Vec<String> {
        let mut reader = Reader::default();
        let row = reader.read(family, json.as_bytes(), true).expect("JSON");
        let kind = Kind::of(family, |_| true).expect("a kind");
        names.iter().map(|name| shown(row.named(kind, name))).collect()
    }

    #[test]
    fn a_task_instance_of_v2_has_the_names_of_the_database() {
        let json = r#"{"id":"01a20d66-2568-7c1a-b0ae-fbc5d3de23c0","task_id":"list_warehouses","dag_id":"inventory_sync",
            "dag_run_id":"scheduled__2026-09-25T00:00:00+00:00","map_index":-1,"logical_date":"2026-09-25T00:00:00Z",
            "duration":13.801852,"state":"success","queued_when":"2026-11-24T11:52:08.947733Z","executor":null,
            "scheduled_when":"2026-11-24T11:52:08.838573Z","executor_config":"{}","trigger":null,"rendered_fields":{"a":[1]},
            "dag_version":{"id":"01a20d65-61c6-779c-94f8-229bfcbf3623","version_number":1,"bundle_version":null}}"#;
        let names =
            ["run_id", "execution_date", "queued_dttm", "scheduled_dttm", "dag_version_id", "duration", "map_index"];
        assert_eq!(
            columns(Family::TaskInstances, json, &names),
            [
                "scheduled__2026-09-25T00:00:00+00:00",
                "2026-09-25T00:00:00Z",
                "2026-11-24T11:52:08.947733Z",
                "2026-11-24T11:52:08.838573Z",
                "01a20d65-61c6-779c-94f8-229bfcbf3623",
                "Real(13.801852)",
                "Int(-1)"
            ]
        );
        let mut reader = Reader::default();
        let row = reader.read(Family::TaskInstances, json.as_bytes(), false).expect("JSON");
        assert!(row.tells(Kind::TaskInstanceV2, "executor") && !row.tells(Kind::TaskInstanceV2, "hostname"));
    }

    #[test]
    fn a_dag_joins_its_owners_and_names_its_tags() {
        let json = r#"{"dag_id":"d","owners":["a","b"],"schedule_interval":{"__type":"CronExpression","value":"0 2 * * *"},
            "tags":[{"name":"dq","dag_id":"d"},{"name":"nightly"}],"is_paused":true}"#;
        let names = ["owners", "schedule_interval", "is_paused", "timetable_summary"];
        assert_eq!(columns(Family::Dags, json, &names), ["a, b", "0 2 * * *", "true", "-"]);
        let mut reader = Reader::default();
        let row = reader.read(Family::Dags, json.as_bytes(), false).expect("JSON");
        assert_eq!(row.names().collect::<Vec<_>>(), [b"dq".as_slice(), b"nightly"]);
        let delta = r#"{"dag_id":"d","schedule_interval":{"__type":"TimeDelta","days":1}}"#;
        assert_eq!(columns(Family::Dags, delta, &["schedule_interval"]), [r#"{"__type":"TimeDelta","days":1}"#]);
    }

    #[test]
    fn what_a_command_prints_for_nothing_is_nothing() {
        let json = r#"{"dag_id":"d","task_id":"t","state":"None","map_index":"","start_date":null,"end_date":[1]}"#;
        let names = ["state", "map_index", "start_date", "end_date"];
        assert_eq!(columns(Family::TaskInstances, json, &names), ["-", "-", "-", "[1]"]);
    }

    #[test]
    fn objects_in_another_order_read_the_same() {
        let mut reader = Reader::default();
        for json in [r#"{"pool":"p","slots":1}"#, r#"{"slots":1,"x":{},"name":"p"}"#, r#"{"pool":"p","y":0,"slots":1}"#]
        {
            let row = reader.read(Family::Pools, json.as_bytes(), false).expect("JSON");
            assert_eq!((row.field(0), row.field(1)), (Field::Bytes(b"p"), Field::Int(1)), "{json}");
        }
        for bad in ["[]", "{\"pool\":1", "{\"pool\" 1}", "{\"pool\":}", "{\"pool\":1} x", "{\"pool\":1,\"pool\":1}"] {
            assert!(reader.read(Family::Pools, bad.as_bytes(), false).is_err(), "{bad}");
        }
    }
}
