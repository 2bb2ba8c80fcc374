//! Readers of the ingest, in bytes a second: from a file to typed rows that are dropped. The `csv` crate stands beside ours: it
//! splits the same file into fields, and does no more.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};
use windtunnel::{
    ingest::{Receiver, Session, Settings, recognise},
    model::{AttemptRef, Row},
};

/// Bytes of an input, about: far more than a processor's caches hold.
const BYTES: usize = 32 << 20;

/// Inputs that are a header, or nothing, and lines that may come again.
const INPUTS: [(&str, &str); 7] = [
    ("task_instance.csv", "airflow-2.10.5/task_instance.csv.gz"),
    ("scheduler.log", "airflow-2.10.5-logs/scheduler_stdout.log.gz"),
    ("statsd.txt", "airflow-2.10.5-metrics/statsd_raw_plain_filtered_first4000.txt.gz"),
    ("statsd_datadog.txt", "airflow-2.10.5-metrics/statsd_raw_datadog_tags.txt.gz"),
    ("statsd_influx.txt", "airflow-2.10.5-metrics/statsd_raw_influxdb_tags.txt.gz"),
    ("exporter.prom", "airflow-2.10.5-metrics/statsd_bridge_1795520058.prom.gz"),
    ("tsdb_dump.txt", "airflow-2.10.5-metrics/tsdb_dump_node_load.txt.gz"),
];

struct Dropped;

impl Receiver for Dropped {
    fn row(&mut self, _: Row, _: bool) -> bool {
        true
    }

    fn attempt(&mut self, _: &AttemptRef<'_>) -> bool {
        true
    }

    fn progress(&mut self, _: u64, _: u64) {}
}

fn unpacked(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets").join(name);
    let mut bytes = Vec::new();
    let mut file = flate2::read::MultiGzDecoder::new(File::open(path).expect("a data set"));
    file.read_to_end(&mut bytes).expect("unpacked");
    bytes
}

/// When the exporter's answer was taken, and how long it takes until the next, in milliseconds.
const FIRST_SCRAPE_MS: u64 = 1_795_520_058_000;
const SCRAPE_INTERVAL_MS: u64 = 15_000;

/// What an exporter answered, with a time behind each sample, as a server writes it.
fn scrape(lines: &[u8], time_ms: u64, into: &mut Vec<u8>) {
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        into.extend_from_slice(line);
        if line[0] != b'#' {
            into.extend_from_slice(format!(" {time_ms}").as_bytes());
        }
        into.push(b'\n');
    }
}

/// A file of the lines of `name`, again and again.
fn input(folder: &Path, name: &str, from: &str) -> PathBuf {
    let lines = unpacked(from);
    let header =
        if name.ends_with(".csv") { lines.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) } else { 0 };
    let mut bytes = lines[..header].to_vec();
    for round in 0.. {
        if bytes.len() >= BYTES {
            break;
        }
        if name.ends_with(".prom") {
            scrape(&lines, FIRST_SCRAPE_MS + SCRAPE_INTERVAL_MS * round, &mut bytes);
        } else {
            bytes.extend_from_slice(&lines[header..]);
        }
    }
    let path = folder.join(name);
    fs::write(&path, bytes).expect("written");
    path
}

fn read(path: &Path) -> u64 {
    let settings = Settings::default();
    let sources = recognise(path, "bench", &settings).expect("an input");
    let mut session = Session::new(settings, true);
    let rows = |source: &windtunnel::ingest::Source, session: &mut Session| {
        source.read(session, &mut Dropped, false).expect("rows").counts.read
    };
    sources.iter().map(|source| rows(source, &mut session)).sum()
}

fn fields(path: &Path) -> usize {
    let mut reader = csv::ReaderBuilder::new().from_path(path).expect("a CSV file");
    let (mut record, mut fields) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record).expect("a record") {
        fields += record.len();
    }
    fields
}

fn readers(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10);
    for (name, from) in INPUTS {
        let path = input(folder.path(), name, from);
        group.throughput(Throughput::Bytes(fs::metadata(&path).expect("a file").len()));
        group.bench_function(name, |bencher| bencher.iter(|| read(&path)));
        if name.ends_with(".csv") {
            group.bench_function("task_instance.csv by the csv crate", |bencher| bencher.iter(|| fields(&path)));
        }
    }
    group.finish();
}

criterion_group!(benches, readers);
criterion_main!(benches);
