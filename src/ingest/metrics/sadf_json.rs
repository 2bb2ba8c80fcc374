//! `sadf -j` of sysstat: `sysstat.hosts[].statistics[]`, activities nested in each.
//!
//! A row is one entry of `statistics`; its first number stands for it, the others are implied. Numbers are found wherever they
//! stand: texts beside them (`"cpu": "all"`, `"iface": "eth0"`) are their labels.

use super::{
    super::{
        reading::Fault,
        sink::{Halt, Sink},
    },
    json::{self, Handler, Node},
    labels::Labels,
    number,
    sadf_names::{DEVICES, group_of_key, metric, unit_of},
    series::Maker,
};
use crate::model::{MetricKind, Row, Timestamp};
use serde_json::Value;
use std::io::BufRead;

/// Reads the entries of every host.
pub(super) fn read(input: Box<dyn BufRead>, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut hosts = Hosts { maker: Maker::new("sysstat"), host: None, zone: None, sink };
    match json::walk(input, &mut hosts)? {
        Some((line, fault)) => sink_of(hosts).rejected(Some(line), &fault),
        None => Ok(()),
    }
}

fn sink_of(hosts: Hosts<'_>) -> &mut dyn Sink {
    hosts.sink
}

struct Hosts<'s> {
    maker: Maker,
    host: Option<String>,
    zone: Option<String>,
    sink: &'s mut dyn Sink,
}

impl Handler for Hosts<'_> {
    fn node(&self, path: &str) -> Node {
        match path {
            "" | "/sysstat" | "/sysstat/hosts" | "/sysstat/hosts/*" => Node::Enter,
            "/sysstat/hosts/*/statistics" | "/sysstat/hosts/*/restarts" => Node::Enter,
            "/sysstat/hosts/*/statistics/*" | "/sysstat/hosts/*/restarts/*" => Node::Take,
            "/sysstat/hosts/*/nodename" | "/sysstat/hosts/*/timezone" => Node::Take,
            _ => Node::Skip,
        }
    }

    fn value(&mut self, path: &str, line: u64, value: Value) -> Result<(), Halt> {
        match path {
            "/sysstat/hosts/*/nodename" => self.host = value.as_str().map(str::to_owned),
            "/sysstat/hosts/*/timezone" => self.zone = value.as_str().map(str::to_owned),
            "/sysstat/hosts/*/restarts/*" => self.sink.ignored("the host was restarted")?,
            "/sysstat/hosts/*/statistics/*" => match self.entry(&value) {
                Ok(rows) if rows.is_empty() => self.sink.ignored("an entry without a number")?,
                Ok(rows) => {
                    let mut rows = rows.into_iter();
                    rows.next().map_or(Ok(()), |row| self.sink.row(row))?;
                    rows.try_for_each(|row| self.sink.implied(row))?;
                }
                Err(fault) => self.sink.rejected(Some(line), &fault)?,
            },
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, path: &str, _: u64) -> Result<(), Halt> {
        if path == "/sysstat/hosts/*" {
            (self.host, self.zone) = (None, None);
        }
        Ok(())
    }
}

impl Hosts<'_> {
    fn entry(&mut self, entry: &Value) -> Result<Vec<Row>, Fault> {
        let stamp = entry.get("timestamp").unwrap_or(&Value::Null);
        let ts = self.instant(stamp)?;
        let mut rows = Vec::new();
        for (key, value) in entry.as_object().into_iter().flatten().filter(|(key, _)| *key != "timestamp") {
            self.numbers(group_of_key(key), value, &[], ts, &mut rows)?;
        }
        Ok(rows)
    }

    fn instant(&self, stamp: &Value) -> Result<Timestamp, Fault> {
        let text = |key: &str| stamp.get(key).and_then(Value::as_str);
        let (Some(date), Some(time)) = (text("date"), text("time")) else {
            return Err(json::fault("the entry has no time", stamp));
        };
        // `utc` is 0 under -T, whose local times say nothing of their offset.
        if stamp.get("utc").and_then(Value::as_i64) == Some(0) && self.zone.as_deref() != Some("UTC") {
            return Err(json::fault("the time is local, without an offset: export without -T", stamp));
        }
        let both = format!("{date} {time}");
        number::any_time(both.as_bytes()).ok_or_else(|| json::fault("the time is not a time", stamp))
    }

    /// Numbers below `value`; `texts` are the texts that stand around it.
    fn numbers(
        &mut self,
        group: &str,
        value: &Value,
        texts: &[(&str, &str)],
        ts: Timestamp,
        rows: &mut Vec<Row>,
    ) -> Result<(), Fault> {
        if let Value::Array(items) = value {
            return items.iter().try_for_each(|item| self.numbers(group, item, texts, ts, rows));
        }
        let Value::Object(fields) = value else { return Ok(()) };
        let mut around = texts.to_vec();
        around.extend(fields.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))));
        for (key, value) in fields {
            match value {
                Value::Number(number) => {
                    let mut labels = Labels::default();
                    labels.add("host", self.host.as_deref().unwrap_or_default());
                    for (key, text) in &around {
                        labels.add(label_of(key), *text);
                    }
                    let unit = unit_of(group, key);
                    let series = self.maker.series(&metric(group, key), &mut labels, unit, MetricKind::Gauge)?;
                    rows.extend(number.as_f64().and_then(|number| series.at(ts, number)));
                }
                Value::Array(_) | Value::Object(_) => {
                    // `network` and the like hold activities of their own; `io-reads` is a part of `io`.
                    let inner = group_of_key(key);
                    let group = if matches!(group, "network" | "psi" | "disk") && inner != key.as_str() {
                        inner
                    } else {
                        group
                    };
                    self.numbers(group, value, &around, ts, rows)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The label that `sadf -d` has for the same device.
fn label_of(key: &str) -> &str {
    if key == "disk-device" {
        return "device";
    }
    DEVICES.iter().find(|(name, _)| *name == key).map_or(key, |(_, label)| label)
}

#[cfg(test)]
mod tests {
    use super::super::{Format, whole_tests::told};

    #[test]
    fn nested_activities() {
        let got = told(
            Format::SadfJson,
            "x",
            br#"{"sysstat": {"hosts": [{"nodename": "vm", "file-date": "2026-11-24", "timezone": "UTC", "statistics": [
                {"timestamp": {"date": "2026-11-24", "time": "11:22:32", "utc": 1, "interval": 5},
                 "cpu-load": [{"cpu": "all", "user": 85.61}],
                 "io": {"tps": 2, "io-reads": {"rtps": 1.5, "bread": 2}},
                 "memory": {"memfree": 2, "memused-percent": 11.12, "swpfree": 1},
                 "network": {"net-dev": [{"iface": "lo", "rxkB": 1}]}},
                {"timestamp": {"time": "11:22:32"}, "queue": {"runq-sz": 6}}],
                "restarts": [{"boot": {"date": "2026-11-24"}}]}]}}"#,
        );
        let at = "2026-11-24T11:22:32Z";
        assert_eq!(got.rows, [format!(r#"sysstat.cpu.user{{"cpu":"all","host":"vm"}} 85.61 percent gauge {at}"#)]);
        assert_eq!(
            got.implied,
            [
                format!(r#"sysstat.io.tps{{"host":"vm"}} 2 - gauge {at}"#),
                format!(r#"sysstat.io.rtps{{"host":"vm"}} 1.5 - gauge {at}"#),
                format!(r#"sysstat.io.bread{{"host":"vm"}} 1024 bytes_per_second gauge {at}"#),
                format!(r#"sysstat.memory.memfree{{"host":"vm"}} 2048 bytes gauge {at}"#),
                format!(r#"sysstat.memory.memused-percent{{"host":"vm"}} 11.12 percent gauge {at}"#),
                format!(r#"sysstat.swap.swpfree{{"host":"vm"}} 1024 bytes gauge {at}"#),
                format!(r#"sysstat.network.rxkB{{"host":"vm","interface":"lo"}} 1024 bytes_per_second gauge {at}"#),
            ]
        );
        assert_eq!(got.faults, [r#"7: the entry has no time: `{\"time\":\"11:22:32\"}`"#]);
        assert_eq!(got.ignored, ["the host was restarted"]);
    }
}
