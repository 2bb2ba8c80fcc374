//! One row of an Airflow table by column name: values of the types that the model takes, or what is wrong with them.

use super::{airflow::Reader, fields::Field, reading::Fault, table::RowView};
use crate::model::{Text, Timestamp, stand_in_run_id};
use std::borrow::Cow;

/// Longest id: four times what Airflow's database takes (250 characters). A longer one is a broken row.
const MAX_ID_BYTES: usize = 1_000;

/// One row, by column name.
pub(super) struct Cells<'a, R: ?Sized> {
    pub(super) reader: &'a mut Reader,
    pub(super) row: &'a R,
    /// Columns asked for so far.
    pub(super) asked: usize,
}

impl<'a, R: RowView + ?Sized> Cells<'a, R> {
    #[inline]
    pub(super) fn field(&mut self, name: &'static str) -> Field<'a> {
        let asked = self.asked;
        self.asked += 1;
        let place = match self.reader.places.get(asked) {
            Some((known, place)) if std::ptr::eq(*known, name) => *place,
            _ => self.find(name),
        };
        place.map_or(Field::Null, |place| self.row.field(place))
    }

    /// A row that asks for other columns than the one before, or the first one.
    fn find(&mut self, name: &'static str) -> Option<usize> {
        let place = self.reader.columns.place(name);
        self.reader.places.truncate(self.asked - 1);
        self.reader.places.push((name, place));
        place
    }

    /// Text that is only borrowed.
    #[inline]
    pub(super) fn borrowed(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.field(name) {
            Field::Text(text) => Ok(Some(Cow::Borrowed(text))),
            other => other.text(name),
        }
    }

    pub(super) fn must_borrowed(&mut self, name: &'static str) -> Result<Cow<'a, str>, Fault> {
        let text = self.borrowed(name)?.ok_or_else(|| Fault::new(format!("{name} is missing")))?;
        check_length(name, &text)?;
        Ok(text)
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<Text>, Fault> {
        let text = self.field(name).text(name)?;
        Ok(text.map(|text| self.reader.texts.get(&text)))
    }

    pub(super) fn must(&mut self, name: &'static str) -> Result<Text, Fault> {
        let text = self.text(name)?.ok_or_else(|| Fault::new(format!("{name} is missing")))?;
        check_length(name, &text)?;
        Ok(text)
    }

    pub(super) fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, Fault> {
        let field = self.field(name);
        self.reader.clock.read(field, name)
    }

    pub(super) fn int(&mut self, name: &'static str) -> Result<Option<i32>, Fault> {
        self.field(name).int32(name)
    }

    /// The run's id, or a stand-in where only its date is stated (before 2.2).
    pub(super) fn run_id(&mut self) -> Result<Text, Fault> {
        match self.text("run_id")? {
            Some(run_id) => {
                check_length("run_id", &run_id)?;
                Ok(run_id)
            }
            None => self.run_id_of_date(),
        }
    }

    fn run_id_of_date(&mut self) -> Result<Text, Fault> {
        let date = self.time("execution_date")?;
        date.map(stand_in_run_id).ok_or_else(|| Fault::new("neither run_id nor execution_date is given"))
    }

    pub(super) fn run_id_borrowed(&mut self) -> Result<Cow<'a, str>, Fault> {
        match self.borrowed("run_id")? {
            Some(run_id) => {
                check_length("run_id", &run_id)?;
                Ok(run_id)
            }
            None => self.run_id_of_date().map(|text| Cow::Owned(text.to_string())),
        }
    }

    /// Airflow 3's id of this try: `id` of the live table, `task_instance_id` of the history table.
    pub(super) fn ti_id(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        if self.reader.columns.has_task_instance_id {
            return self.uuid("task_instance_id");
        }
        if self.reader.columns.has_dag_version_id { self.uuid("id") } else { Ok(None) }
    }

    /// A UUID without its dashes: PostgreSQL writes them, SQLite does not.
    pub(super) fn uuid(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, Fault> {
        let plain = |c: char| c != '-' && !c.is_ascii_uppercase();
        Ok(self.borrowed(name)?.map(|text| {
            if text.chars().all(plain) {
                return text;
            }
            Cow::Owned(text.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase())
        }))
    }

    pub(super) fn logical_date(&mut self) -> Result<Option<Timestamp>, Fault> {
        match self.time("logical_date")? {
            Some(date) => Ok(Some(date)),
            None => self.time("execution_date"),
        }
    }
}

/// Is an id no longer than one may be?
pub(super) fn check_length(name: &str, text: &str) -> Result<(), Fault> {
    if text.len() <= MAX_ID_BYTES {
        return Ok(());
    }
    Err(Fault::of(format!("{name} is longer than {MAX_ID_BYTES} bytes"), text))
}
