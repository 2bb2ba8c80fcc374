//! URLs as people write them, and what no message may repeat.

use super::*;
use proptest::prelude::*;

fn shown(url: &str) -> String {
    parse(url, None).map_or_else(|error| format!("error: {error}"), |address| address.shown)
}

#[test]
fn urls_of_airflow_and_of_psql() {
    for (url, short) in [
        ("postgresql://u@h/airflow", "postgresql://u@h:5432/airflow"),
        ("postgres://u@h:6432/airflow", "postgresql://u@h:6432/airflow"),
        ("postgresql+psycopg2://u@h/airflow", "postgresql://u@h:5432/airflow"),
        ("PostgreSQL+asyncpg://u:@h:/airflow", "postgresql://u@h:5432/airflow"),
        ("mysql+pymysql://u@h/airflow?charset=utf8mb4", "mysql://u@h:3306/airflow"),
        ("mariadb://u@[::1]/airflow", "mysql://u@[::1]:3306/airflow"),
        ("postgresql://u%40corp:@[fe80::1]:5433/a%2Fb", "postgresql://u%40corp@[fe80::1]:5433/a/b"),
        ("postgresql://u@/airflow", "postgresql://u@localhost:5432/airflow"),
        ("postgresql:///airflow?host=/run/pg&user=u", "postgresql://u@/airflow?host=/run/pg"),
        ("postgresql://u@%2Frun%2Fpg:5433/airflow", "postgresql://u@/airflow?host=/run/pg&port=5433"),
        ("mysql://u@/airflow?unix_socket=/run/my.sock", "mysql://u@/airflow?unix_socket=/run/my.sock"),
        ("postgresql://u@h/db?schema=my%20\"air", "postgresql://u@h:5432/db?search_path=%22my%20%22%22air%22"),
        ("postgresql://u@h/db?options=-csearch_path%3Da,b", "postgresql://u@h:5432/db?search_path=a,b"),
        ("postgresql://u@h/db?options=-c+search_path%3Da", "postgresql://u@h:5432/db?search_path=a"),
        ("postgresql://u@h/db?sslmode=require&application_name=x", "postgresql://u@h:5432/db"),
    ] {
        assert_eq!(shown(url), short, "{url}");
        assert_eq!(shown(short), short, "{short}");
    }
}

#[test]
fn where_to_connect() {
    let of = |url: &str| parse(url, Some("me".to_owned())).expect("a URL");
    assert_eq!(of("postgresql://[::1]/db").place, Place::Tcp { host: "::1".to_owned(), port: 5432 });
    assert_eq!(of("postgresql://[::1]/db").user, "me");
    assert_eq!(of("postgresql:///db?host=/run/pg").place, Place::Unix("/run/pg/.s.PGSQL.5432".into()));
    assert_eq!(of("mysql:///db?host=/run/my.sock").place, Place::Unix("/run/my.sock".into()));
    let tls = of("postgresql://h/db?sslmode=verify-full&sslrootcert=/etc/ca%20.pem").tls;
    assert_eq!((tls.mode, tls.roots), (Mode::VerifyFull, Some("/etc/ca .pem".into())));
    assert_eq!(of("mysql://h/db").tls.mode, Mode::Prefer);
    assert_eq!(of("mysql://h/db?ssl-mode=REQUIRED").tls.mode, Mode::Require);
}

#[test]
fn what_is_wrong_is_said() {
    for (url, word) in [
        ("postgresql://h/db", "no user"),
        ("postgresql://u@h", "no database"),
        ("postgresql://u@h/", "no database"),
        ("postgresql://u@h:x/db", "port"),
        ("postgresql://u@h:0/db", "port"),
        ("postgresql://u@[::1/db", "`]`"),
        ("postgresql://u@a,b/db", "several hosts"),
        ("postgresql://u@h/d%zz", "hexadecimal"),
        ("postgresql://u@h/d%ff", "UTF-8"),
        ("postgresql://u@h/d%00", "zero byte"),
        ("postgresql://u@h/db?sslmode=on", "sslmode"),
        ("postgresql://u@h/db?colour=red", "`colour`"),
        ("mysql://u@h/db?schema=x", "`schema`"),
        ("postgresql://u@h/db?options=-cwork_mem%3D1", "search_path only"),
    ] {
        let text = shown(url);
        assert!(text.starts_with("error: ") && text.contains(word), "{url}: {text}");
    }
}

#[test]
fn other_words_are_no_url() {
    for text in ["exports", "https://h/x", "sqlite:///airflow.db", "postgresql:h", "s3://bucket/x", "://x", ""] {
        assert_eq!(kind_of(text), None, "{text}");
    }
}

proptest! {
    /// Wherever a password stands, whatever it holds: the URL is refused, and no message shows a piece of it.
    #[test]
    fn a_password_is_refused_and_never_repeated(secret in "[A-Z!:/?#@&=+ -]{1,8}S3CR3T[A-Z!:/?#@&=+-]{0,8}") {
        for url in [
            format!("postgresql://user:{secret}@host/db"),
            format!("mysql+pymysql://user:{secret}@host:3306/db?charset=utf8"),
            format!("postgresql://host/db?user=u&password={secret}"),
        ] {
            let error = parse(&url, None).expect_err("a password");
            prop_assert!(!error.contains("S3CR3T"), "{}", error);
            prop_assert!(error.contains("WINDTUNNEL_DB_PASSWORD") || !error.contains('`') || url.contains("?user"), "{}", error);
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>(), url in "(postgresql|mysql)://[a-z:@/?#%=&\\[\\]0-9]{0,30}") {
        let _ = parse(&text, None);
        if let Ok(address) = parse(&url, Some("u".to_owned())) {
            prop_assert_eq!(parse(&address.shown, None).expect("its short form").shown, address.shown);
        }
    }
}
