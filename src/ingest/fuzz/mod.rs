//! Fuzz targets: whatever bytes an input holds, reading them ends without a panic and in bounded memory, and what comes out
//! keeps the promises of [`told`].
//!
//! `tests/fuzz` runs them guided by coverage; `cargo test` runs them on every input that was kept, and on random changes of
//! those. An input is what a file would hold, without a header of the fuzzer's own: what is read it as is recognised.

mod blocks;
mod files;
mod json;
mod logs;
mod long;
mod markers;
mod metrics;
#[cfg(test)]
mod replay;
mod secrets;
mod tables;
mod told;
mod values;

/// A target: it panics where a promise is broken.
type Target = fn(&[u8]);

/// Each target by its name, which is that of its folders of inputs.
pub(crate) const TARGETS: [(&str, Target); 13] = [
    ("archive", logs::archive),
    ("exposition", metrics::exposition),
    ("files", files::files),
    ("json", json::json),
    ("logs", logs::logs),
    ("long", long::long),
    ("markers", markers::markers),
    ("metrics_json", metrics::json),
    ("metrics_tables", metrics::tables),
    ("secrets", secrets::secrets),
    ("statsd", metrics::statsd),
    ("tables", tables::tables),
    ("values", values::values),
];

/// The first bytes of an input, by which it is recognised.
fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(8_192)]
}
