//! Tests of the masking of secrets: each form, what must stay, and that no text breaks it.

use super::*;
use proptest::prelude::*;

#[test]
fn every_form_of_a_secret_is_masked() {
    for (text, want) in [
        ("password=hunter2 user=x", "password=*** user=x"),
        ("PGPASSWORD=hunter2, x", "PGPASSWORD=***, x"),
        ("password = hunter2", "password = ***"),
        ("password: hunter2", "password: ***"),
        (r#"{"password": "hun\"ter2", "user": "x"}"#, r#"{"password": "***", "user": "x"}"#),
        (r#"{\"api_key\": \"abc\", \"x\": 1}"#, r#"{\"api_key\": \"***\", \"x\": 1}"#),
        ("{'client_secret': 'abc', 'x': 'y'}", "{'client_secret': '***', 'x': 'y'}"),
        ("{'password': b'abc'}", "{'password': b'***'}"),
        (r#"{"token":123,"x":1}"#, r#"{"token":***,"x":1}"#),
        ("secret=['a', 'b'] x", "secret=*** x"),
        ("connect(host=a, password=abc)", "connect(host=a, password=***)"),
        ("GET /x?token=abc&y=1", "GET /x?token=***&y=1"),
        ("?X-Amz-Signature=abcd&X-Amz-Credential=A/b", "?X-Amz-Signature=***&X-Amz-Credential=***"),
        ("sv=2020&sig=abc%3D&se=1", "sv=2020&sig=***&se=1"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("'Authorization': 'Basic dXNlcjpwdw=='", "'Authorization': '***'"),
        ("X-Api-Key: abc", "X-Api-Key: ***"),
        ("x-auth-token: Bearer abcdefgh12345678 x", "x-auth-token: *** x"),
        ("secret: --token abc x", "secret: --token *** x"),
        ("Cookie: session=abc; other=def", "Cookie: ***"),
        ("uses bearer abcdefgh12345678 here", "uses bearer *** here"),
        ("postgres://airflow:p@ss@db:5432/airflow", "postgres://airflow:***@db:5432/airflow"),
        ("postgresql+psycopg2://u:p/w@h/db failed", "postgresql+psycopg2://u:***@h/db failed"),
        ("redis://:pw@h:6379/0", "redis://:***@h:6379/0"),
        ("https://0123456789abcdef01234@github.com/x", "https://***@github.com/x"),
        ("to https://hooks.slack.com/services/T/B/x", "to https://hooks.slack.com/services/***"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key ***"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "***"),
        ("xoxb-123456789012-abcdef x", "*** x"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln x", "jwt *** x"),
        ("[('conn_id', 'x'), ('password', 'S3c')]", "[('conn_id', 'x'), ('password', '***')]"),
        (r#"[["password","S3c"]]"#, r#"[["password","***"]]"#),
        ("{'name': 'DB_PASSWORD', 'value': 'S3c', 'x': None}", "{'name': 'DB_PASSWORD', 'value': '***', 'x': None}"),
        (r#"{"key": "db_password", "val": "S3c"}"#, r#"{"key": "db_password", "val": "***"}"#),
        ("[('key', 'aws_secret'), ('val', 'S3c'), ('a', 'b')]", "[('key', 'aws_secret'), ('val', '***'), ('a', 'b')]"),
        (r#""['variables', 'set', 'db_password', 'S3c']""#, r#""['variables', 'set', 'db_password', '***']""#),
        (r"[\'--conn-password\', \'S3c\']", r"[\'--conn-password\', \'***\']"),
        ("['users', 'create', '-u', 'a', '-p', 'S3c']", "['users', 'create', '-u', 'a', '-p', '***']"),
        ("--password 'hunter two' x", "--password '***' x"),
        ("Variable(key='db_password', val='S3c')", "Variable(key='db_password', val='***')"),
        ("curl -u admin:S3c http://x", "curl -u admin:*** http://x"),
        ("mysql -u root -pS3c db", "mysql -u root -p*** db"),
        ("sshpass -p S3c ssh h", "sshpass -p *** ssh h"),
        ("Password:\tS3c", "Password:\t***"),
        ("<password>S3c</password>", "<password>***</password>"),
        ("api_token => S3c", "api_token => ***"),
        ("password := S3c", "password := ***"),
        ("password=a&S3c", "password=***"),
        ("password=a;S3c user", "password=*** user"),
        ("Pwd=a;Server=b", "Pwd=***;Server=b"),
        ("password='it''sS3c' x", "password='***' x"),
        ("AZURE_STORAGE_KEY=abc", "AZURE_STORAGE_KEY=***"),
        ("key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789 x", "key *** x"),
        ("hvs.abcdefghijklmnopqrstuvwx", "***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "***-----END RSA PRIVATE KEY-----"),
        ("-----BEGIN PRIVATE KEY-----MIIE", "***"),
        ("run --password hunter2 --host x", "run --password *** --host x"),
        ("['run', '--token', 'abc', '--x']", "['run', '--token', '***', '--x']"),
        ("pässword=x password=ü ö", "pässword=x password=*** ö"),
        ("fernet_key=abc=", "fernet_key=***"),
    ] {
        assert_eq!(mask(text), want, "{text}");
        assert_eq!(mask(want), want, "masking twice: {text}");
    }
}

#[test]
fn what_is_no_secret_stays_and_is_not_copied() {
    for text in [
        "max_tokens: 4096",
        "tokens=1234",
        "Task rotate_secret: success",
        "bypass=1",
        "mysql --port 3306",
        "mysql connector -pool size",
        "mysql -u root x; mkdir -pv /data",
        "Cannot create users table: cp -p /a",
        "curl x ; docker run -u 1000:1000",
        "",
        "Dependencies all met for <TaskInstance: a.b 2026-09-25T02:00:00+00:00 [queued]>",
        "Marking task as SUCCESS. dag_id=a, task_id=b, run_id=scheduled__2026-09-10T02:00:00+00:00",
        "empty cryptography key - values will not be stored encrypted.",
        "password=None token: null secret='' password= x",
        "at https://airflow.apache.org/docs/apache-airflow/stable/troubleshooting.html#LocalTaskJob-killed",
        "http://user@host:8080/x http://[::]:8793 s3://bucket/key@1 mailto:a@b.c",
        "bearer of bad news; Basic authentication failed; eyJ short; AKIA",
        "key=orders_key monkey: 5, --key x, tokenizer=bert",
        "-----BEGIN CERTIFICATE-----",
        "https://hooks.slack.com/x",
    ] {
        assert!(matches!(mask(text), Cow::Borrowed(same) if same == text), "{text}: {}", mask(text));
    }
}

/// Each of these would take minutes if a part of it were looked at once for every byte.
#[test]
fn a_hostile_text_takes_no_longer_than_another() {
    for piece in [
        "://",
        "token=\\\\\"",
        "--token ",
        "eyJ.",
        "password=[",
        "a:b@://",
        "'\\",
        "-----BEGIN ",
        "--password",
        "--token/",
        "password: ( ",
        "mysql -u x -p'",
        "('token', ",
    ] {
        let text = piece.repeat(300_000);
        assert!(mask(&text).len() <= text.len() * 3);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), near in r#"(password|token|=|:|"|'|\\|://|@|--|Bearer |[|]|é| |AKIA|-----BEGIN ){0,20}"#) {
        let _ = (mask(&text), mask(&near));
    }

    #[test]
    fn a_named_secret_never_shows(value in "[A-Za-z!#$%^*_+/|~-][A-Za-z0-9!#$%^*_+/|~-]{5,30}", form in 0..6) {
        let text = match form {
            0 => format!("login password={value} ok"),
            1 => format!("{{\"db_password\": \"{value}\"}}"),
            2 => format!("x-auth-token: {value}"),
            3 => format!("mysql://root:{value}@db/x"),
            4 => format!("['--client-secret', '{value}']"),
            _ => format!("Authorization: Token {value}"),
        };
        prop_assume!(!(form == 4 && value.starts_with('-')));
        prop_assert!(!mask(&text).contains(&value), "{}", mask(&text));
    }
}
