//! Markers from whole inputs.

use super::*;
use crate::{ingest::sink::Collected, model::Row};
use proptest::prelude::*;
use std::borrow::Cow;

fn masked(text: &str) -> Cow<'_, str> {
    text.replace("hunter2", "***").into()
}

fn of(text: &str, name: &str) -> Collected {
    let mut sink = Collected::default();
    let format = recognise(text.as_bytes(), name).unwrap_or_else(|| panic!("not recognised: {text}"));
    read(&mut text.as_bytes(), &format, name, masked, &mut sink).expect("no halt");
    sink
}

fn lines(sink: &Collected) -> Vec<String> {
    let line = |row: &Row| match row {
        Row::Marker(m) => format!(
            "{} {} [{}] dag={} ref={} end={}",
            m.time,
            m.kind,
            m.text,
            m.dag_id.as_deref().unwrap_or("-"),
            m.reference.as_deref().unwrap_or("-"),
            m.ended_at.map_or("-".to_owned(), |end| end.to_string())
        ),
        other => panic!("{other:?}"),
    };
    sink.rows.iter().map(line).collect()
}

#[test]
fn tables_by_the_usual_names_of_their_columns() {
    let sink = of("deployed_at,version,message\n2026-11-24T08:00:00Z,v1.2,\"new pool\nsize, hunter2\"\n", "x.csv");
    assert_eq!(lines(&sink), ["2026-11-24T08:00:00Z deploy [new pool size, ***] dag=- ref=v1.2 end=-"]);
    let sink = of(
        "Started At;Resolved At;Title;DAG;Ticket\r\n2026-11-24 08:00;2026-11-24 09:30;DB down;orders_etl;INC-7\r\n",
        "x.csv",
    );
    assert_eq!(
        lines(&sink),
        ["2026-11-24T08:00:00Z incident [DB down] dag=orders_etl ref=INC-7 end=2026-11-24T09:30:00Z"]
    );
    let sink = of("date,type,text\n2026-11-24,Release,a\n2026-11-25,upgrade,Airflow 3.1\n", "x.csv");
    assert_eq!(
        lines(&sink),
        [
            "2026-11-24T00:00:00Z deploy [a] dag=- ref=- end=-",
            "2026-11-25T00:00:00Z upgrade [Airflow 3.1] dag=- ref=- end=-"
        ]
    );
    let sink = of("timestamp\tnote\n1795551756\tx\n", "our-incidents.tsv");
    assert_eq!(lines(&sink), ["2026-11-24T20:22:36Z incident [x] dag=- ref=- end=-"]);
}

#[test]
fn broken_rows_of_a_table_are_told_with_their_line() {
    let text = "time,ended_at,text\n2026-11-24T08:00:00Z,,ok\nyesterday,,a\n2026-11-24T08:00:00Z,2026-11-23T08:00:00Z,b\n\
                2026-11-24T08:00:00Z,,\n,,c\n2026-11-24 08:00:00,,no zone\n2026-11-24T08:00:00Z,x\n";
    let sink = of(text, "x.csv");
    assert_eq!(sink.rows.len(), 1);
    let faults: Vec<_> = sink.faults.iter().map(|(line, fault)| (line.unwrap_or(0), fault.kind())).collect();
    assert_eq!(
        faults,
        [
            (3, "time is not a time"),
            (4, "the end is before the start"),
            (5, "text is missing"),
            (6, "time is missing"),
            (7, "time states no time zone, unlike the rows before"),
            (8, "row does not have the header's 3 fields (cut off, or another delimiter)"),
        ]
    );
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let row = "2026-11-24T08:00:00Z,a thing that happened\n";
    let sink = of(&format!("time,text\n{row}2026-11-24T08:00:00Z,\"open\n{}", row.repeat(100_000)), "x.csv");
    assert_eq!(sink.rows.len(), 1);
    let faults: Vec<_> = sink.faults.iter().map(|(line, fault)| (*line, fault.text())).collect();
    assert_eq!(
        faults,
        [(Some(3), "cannot read on from here: `a row of more than 1 MiB: is a quote not closed?`".to_owned())]
    );
}

#[test]
fn tables_of_others_are_left_to_them() {
    for header in [
        "id,dttm,dag_id,task_id,map_index,event,execution_date,run_id,owner,owner_display_name,extra,try_number",
        "task_id,dag_id,execution_date,email_sent,timestamp,description,notification_sent",
        "id,version_number,dag_id,bundle_name,bundle_version,version_data,created_at,last_updated",
        "id,type,fetch_method,data,bundle_name,state,output,priority_weight,created_at,trigger_id",
        "id,dag_id,state,job_type,start_date,end_date,latest_heartbeat,executor_class,hostname,unixname",
        "timestamp,metric,value",
        "time,cpu",
        "pool,slots,description,include_deferred",
    ] {
        assert_eq!(recognise(format!("{header}\n1,2\n").as_bytes(), "deploys.csv"), None, "{header}");
    }
    assert_eq!(recognise(b"time,text", "x.csv"), None, "a header without rows");
}

const LOG: &str = "commit 8f3ac0ffee8f3ac0ffee8f3ac0ffee8f3ac0ffee (HEAD -> main, tag: v2)
Merge: 1a2b3c4 5d6e7f8
Author: A Person <a@example.com>
Date:   Tue Nov 24 21:22:36 2026 +0100

    Raise the pool to 8, token hunter2

    commit 1234567 was wrong
    Date: never

 dags/orders.py | 2 +-

commit 1a2b3c41a2b3c41a2b3c41a2b3c41a2b3c41a2b3
Author:     A Person <a@example.com>
AuthorDate: 2026-11-01 08:00:00 +0000
Commit:     B Person <b@example.com>
CommitDate: 2026-11-20T08:00:00+01:00

    Second
";

#[test]
fn git_log_gives_a_commit_a_block() {
    let sink = of(LOG, "x.txt");
    assert_eq!(
        lines(&sink),
        [
            "2026-11-24T20:22:36Z commit [Raise the pool to 8, token ***] dag=- ref=8f3ac0ffee8f3ac0ffee8f3ac0ffee8f3ac0ffee end=-",
            "2026-11-20T07:00:00Z commit [Second] dag=- ref=1a2b3c41a2b3c41a2b3c41a2b3c41a2b3c41a2b3 end=-",
        ]
    );
    for (date, time) in
        [("1795551756", true), ("2026-11-24T21:22:36+01:00", true), ("2 days ago", false), ("2026-11-24", false)]
    {
        let sink = of(&LOG.replace("Tue Nov 24 21:22:36 2026 +0100", date), "x");
        assert_eq!((sink.rows.len(), sink.faults.len()), if time { (2, 0) } else { (1, 1) }, "{date}");
    }
}

#[test]
fn git_log_gives_a_commit_a_line() {
    for text in [
        "8f3ac0f 2026-11-24T21:22:36+01:00 Raise the pool\n1a2b3c4 2026-11-20T08:00:00Z Second\n",
        "8f3ac0f|2026-11-24 21:22:36 +0100|Raise the pool\n1a2b3c4|2026-11-20 09:00:00 +0100|Second\n",
        "8f3ac0f Tue Nov 24 21:22:36 2026 +0100 Raise the pool\n1a2b3c4 Fri Nov 20 09:00:00 2026 +0100 Second\n",
        "8f3ac0f Tue, 24 Nov 2026 21:22:36 +0100 Raise the pool\n1a2b3c4 Fri, 20 Nov 2026 09:00:00 +0100 Second\n",
        "2026-11-24T21:22:36+01:00 8f3ac0f Raise the pool\n2026-11-20T08:00:00Z 1a2b3c4 Second\n",
        "\"8f3ac0f,1795551756,Raise the pool\"\n\"1a2b3c4,1795161600,Second\"\n",
    ] {
        let sink = of(text, "x");
        assert_eq!(
            lines(&sink),
            [
                "2026-11-24T20:22:36Z commit [Raise the pool] dag=- ref=8f3ac0f end=-",
                "2026-11-20T08:00:00Z commit [Second] dag=- ref=1a2b3c4 end=-"
            ],
            "{text}"
        );
    }
    let sink = of("8f3ac0f 2026-11-24T21:22:36Z a\n8f3ac0f 2026-11-24 a\n", "x");
    assert_eq!((sink.rows.len(), sink.faults[0].0), (1, Some(2)));
}

#[test]
fn quotes_of_a_subject_stay() {
    let hash = "0123456789abcdef0123456789abcdef01234567";
    let texts = |line: String| lines(&of(&line, "git.log")).join("\n");
    assert!(texts(format!("{hash} 2026-11-24T10:00:00Z fix, \"quoted\"\n")).contains("fix, \"quoted\""));
    assert!(!texts(format!("\"{hash} 2026-11-24T10:00:00Z fix\"\n")).contains('"'));
}

#[test]
fn a_log_without_dates_is_refused_with_the_command_that_has_them() {
    for text in [
        "8f3ac0f Raise the pool\n1a2b3c4 (tag: v1) Second\nbadbad1 Thi",
        "commit 8f3ac0ffee\nAuthor: A <a@b>\n\n    x\n\ncommit 1a2b3c41\nAuthor: A <a@b>\n\n    y\n",
    ] {
        let Some(Format::Refused(reason)) = recognise(text.as_bytes(), "x") else { panic!("not refused: {text}") };
        assert!(reason.contains("git log --date=iso-strict"), "{reason}");
    }
    let Some(Format::Refused(reason)) = recognise(b"* commit 8f3ac0ffee\n| Author: A\n", "x") else {
        panic!("not refused")
    };
    assert!(reason.contains("a graph"), "{reason}");
    let raw =
        "commit 8f3ac0ffee\ntree 1\nauthor A <a@b> 1700000000 +0000\ncommitter A <a@b> 1795551756 +0100\n\n    x\n";
    assert_eq!(lines(&of(raw, "x")), ["2026-11-24T20:22:36Z commit [x] dag=- ref=8f3ac0ffee end=-"]);
    for other in ["defaced text here\n", "time passes\n", "commit to it\n", "", "\n"] {
        assert_eq!(recognise(other.as_bytes(), "x"), None, "{other}");
    }
}

#[test]
fn deployments_of_github_and_gitlab() {
    let github = r#"[{"id":1,"sha":"8f3ac0f","ref":"v2","task":"deploy","environment":"production","description":"by hunter2",
        "creator":{"login":"x"},"created_at":"2026-11-24T20:22:36Z"}]"#;
    assert_eq!(
        lines(&of(github, "x")),
        ["2026-11-24T20:22:36Z deploy [v2 to production: by ***] dag=- ref=8f3ac0f end=-"]
    );
    let gitlab = r#"[{"id":41,"sha":"a91","ref":"main","status":"success","created_at":"2026-11-24T20:22:36.388Z","environment":{"id":9,"name":"prod"}},
        {"id":42,"sha":"a92","ref":"main","status":"failed","created_at":"2026-11-24T20:22:36.388Z","environment":{"id":9,"name":"prod"}}]"#;
    let sink = of(gitlab, "x");
    assert_eq!(lines(&sink), ["2026-11-24T20:22:36.388Z deploy [main to prod] dag=- ref=a91 end=-"]);
    assert_eq!(sink.ignored, ["a deployment that did not succeed"]);
    let release =
        r#"{"tag_name":"v3","name":"Three","published_at":"2026-11-24T20:22:36Z","created_at":"2026-11-20T00:00:00Z"}"#;
    assert_eq!(lines(&of(release, "x")), ["2026-11-24T20:22:36Z deploy [v3: Three] dag=- ref=v3 end=-"]);
}

proptest! {
    #[test]
    fn no_bytes_panic(at in 0..700_usize, bytes in prop::collection::vec(any::<u8>(), 0..20), format in 0..4_usize) {
        let mut text = LOG.as_bytes().to_vec();
        let at = at.min(text.len());
        text.splice(at..at, bytes);
        let _ = recognise(&text, "x");
        let format = [Format::GitLog, Format::GitLines, Format::Deployments, Format::Table { delimiter: b',' }][format].clone();
        read(&mut &text[..], &format, "x", masked, &mut Collected::default()).expect("no halt");
    }

    #[test]
    fn every_line_is_told_once(picks in prop::collection::vec(0..4_usize, 1..20)) {
        let kinds = ["8f3ac0f 2026-11-24T21:22:36Z a\n", "8f3ac0f b\n", "\u{e9}\n", "8f3ac0f 2026-11-24 a\n"];
        let text: String = picks.iter().map(|pick| kinds[*pick]).collect();
        let mut sink = Collected::default();
        read(&mut text.as_bytes(), &Format::GitLines, "x", masked, &mut sink).expect("no halt");
        prop_assert_eq!(sink.rows.len() + sink.faults.len(), picks.len());
    }
}
