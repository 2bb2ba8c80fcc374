//! Deployments and releases, as the APIs of GitHub and GitLab list them.
//!
//! Sources: GitHub's `GET /repos/OWNER/REPO/deployments` and `/releases`, GitLab's `GET /projects/ID/deployments` and
//! `/releases`.

use super::{
    super::{
        airflow_more::Tools,
        fields::Field,
        json::{Position, Pull, Raw, Value, Visitor, Wrong, first_keys, walk},
        reading::Fault,
        sink::{Halt, Sink},
    },
    one_line,
};
use crate::model::{Marker, Row};
use std::io::BufRead;

pub(super) fn recognise(head: &[u8]) -> bool {
    if !matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return false;
    }
    let (keys, _) = first_keys(head);
    let has = |name: &str| keys.contains(&name.as_bytes());
    let deployment = has("sha") && has("created_at") && (has("environment") || has("deployable"));
    let release = has("tag_name") && (has("published_at") || has("released_at"));
    deployment || release
}

pub(super) fn read(input: &mut dyn BufRead, tools: &mut Tools, sink: &mut dyn Sink) -> Result<(), Halt> {
    walk(input, &mut Reader { tools, sink })
}

struct Reader<'a> {
    tools: &'a mut Tools,
    sink: &'a mut dyn Sink,
}

impl Visitor for Reader<'_> {
    type List = ();

    fn list(&mut self, _: &[u8], _: &[u8]) -> Option<()> {
        None
    }

    fn object(&mut self, at: Position, _: Option<()>, json: &[u8]) -> Result<(), Halt> {
        let item = match Item::read(json) {
            Ok(item) => item,
            Err(wrong) => {
                let fault = Fault::new(format!("not JSON: {} is missing", wrong.wanted));
                return self.sink.rejected(Some(at.line), &fault);
            }
        };
        if item.status.is_some_and(|status| status.bytes != b"success") {
            return self.sink.ignored("a deployment that did not succeed");
        }
        match item.marker(self.tools) {
            Ok(marker) => self.sink.row(Row::Marker(marker)),
            Err(fault) => self.sink.rejected(Some(at.line), &fault),
        }
    }

    fn page(&mut self, _: &[u8]) {}

    fn damaged(&mut self, at: Position, fault: &Fault) -> Result<(), Halt> {
        self.sink.rejected(Some(at.line), fault)
    }

    fn before(&mut self, at: Position) -> Result<(), Halt> {
        self.sink.rejected(Some(at.line), &Fault::new("not JSON"))
    }
}

#[derive(Clone, Copy, Default)]
struct Item<'a> {
    time: Option<Raw<'a>>,
    text: Option<Raw<'a>>,
    sha: Option<Raw<'a>>,
    at_ref: Option<Raw<'a>>,
    environment: Option<Raw<'a>>,
    status: Option<Raw<'a>>,
    tag: Option<Raw<'a>>,
}

impl<'a> Item<'a> {
    fn read(json: &'a [u8]) -> Result<Self, Wrong> {
        let mut item = Self::default();
        let mut created = None;
        let mut pull = Pull::new(json);
        let mut first = true;
        pull.value()?;
        while let Some(key) = pull.key(&mut first)? {
            let value = pull.value()?;
            match (key, value) {
                (b"created_at", Value::Text(raw)) => created = Some(raw),
                (b"published_at" | b"released_at", Value::Text(raw)) => item.time = Some(raw),
                (b"description" | b"name", Value::Text(raw)) if !raw.bytes.is_empty() => item.text = Some(raw),
                (b"sha", Value::Text(raw)) => item.sha = Some(raw),
                (b"ref", Value::Text(raw)) => item.at_ref = Some(raw),
                (b"environment", Value::Text(raw)) => item.environment = Some(raw),
                (b"environment", Value::Object) => item.environment = member(&mut pull, b"name")?,
                (b"status", Value::Text(raw)) => item.status = Some(raw),
                (b"tag_name", Value::Text(raw)) => item.tag = Some(raw),
                _ => pull.skip_rest(value)?,
            }
        }
        item.time = item.time.or(created);
        Ok(item)
    }

    fn marker(&self, tools: &mut Tools) -> Result<Marker, Fault> {
        let text = |raw: Option<Raw<'_>>| {
            let text = raw.and_then(|raw| raw.text().ok()).map(|text| text.into_owned());
            text.filter(|text| !text.trim().is_empty())
        };
        let when = text(self.time).unwrap_or_default();
        let time = tools.time(Field::from_bytes(when.as_bytes()), "created_at")?;
        let what = text(self.tag).or_else(|| text(self.at_ref)).or_else(|| text(self.sha));
        let what = what.ok_or_else(|| Fault::new("a deployment without a version"))?;
        let place = text(self.environment).map(|place| format!(" to {place}")).unwrap_or_default();
        let more = text(self.text).filter(|more| *more != what).map(|more| format!(": {more}")).unwrap_or_default();
        Ok(Marker {
            time: time.ok_or_else(|| Fault::new("created_at is missing"))?,
            kind: "deploy".into(),
            text: one_line(tools, &format!("{what}{place}{more}")),
            dag_id: None,
            reference: text(self.sha).or_else(|| text(self.tag)).map(|reference| one_line(tools, &reference)),
            ended_at: None,
        })
    }
}

/// A text member of the object that was opened.
fn member<'a>(pull: &mut Pull<'a>, name: &[u8]) -> Result<Option<Raw<'a>>, Wrong> {
    let mut found = None;
    let mut first = true;
    while let Some(key) = pull.key(&mut first)? {
        match pull.value()? {
            Value::Text(raw) if key == name => found = Some(raw),
            value => pull.skip_rest(value)?,
        }
    }
    Ok(found)
}
