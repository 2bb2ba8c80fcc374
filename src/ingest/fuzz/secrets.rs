//! Secrets in free text: what is planted does not come out.

use super::{blocks::Blocks, logs, told::Told};
use crate::{
    ingest::{logs::Format, reading::Fault, secrets},
    model::Row,
};

/// What must not come out.
const SECRET: &str = "Zq7hunter2Wv9Zq7hunter2Wv9";

/// Forms in which secrets stand in texts.
const FORMS: [&str; 8] = [
    " password={} ",
    " {\"api_key\": \"{}\"} ",
    " postgresql://airflow:{}@db:5432/x ",
    " --token {} ",
    " Authorization: Bearer {} ",
    " ghp_{} ",
    " {'client_secret': '{}'} ",
    " AWS_SECRET_ACCESS_KEY={} ",
];

/// Plants a secret in a text, wherever: it is masked there, and in what a log gives of such a line.
pub(super) fn secrets(bytes: &[u8]) {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| !text.contains(SECRET)) else { return };
    let masked = secrets::mask(text);
    assert!(masked.len() <= text.len() * 3 + 3, "{masked:?}");
    let at = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let (before, after) = text.split_at(at);
    for form in FORMS {
        let planted = format!("{before}{}{after}", form.replace("{}", SECRET));
        let masked = secrets::mask(&planted);
        assert!(!masked.contains(SECRET), "{form}: {masked:?} of {planted:?}");
        let fault = Fault::of("not a line", &planted);
        assert!(!fault.text().contains(SECRET), "{fault:?}");
        let again = secrets::mask(&masked);
        assert!(!again.contains(SECRET), "{again:?}");
    }
    let form = FORMS[bytes.len() % FORMS.len()].replace("{}", SECRET);
    if !text.contains(['\n', '\r', '\u{1b}']) {
        let line = format!("[2026-11-24T12:31:03.473+0000] {{a.py:1}} ERROR - {before}{form}{after}\n");
        let told = logs::read(Format::Text, "scheduler.log", Blocks::whole(line.as_bytes()));
        told.keeps_its_promises();
        assert!(!free_texts(&told).any(|text| text.contains(SECRET)), "{told:#?}");
    }
}

fn free_texts(told: &Told) -> impl Iterator<Item = &str> {
    told.rows
        .iter()
        .flat_map(|row| match row {
            Row::Log(event) => [Some(&*event.template), event.message.as_deref()],
            _ => [None, None],
        })
        .flatten()
}
