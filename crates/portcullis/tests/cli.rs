//! The program as its users meet it: its configuration, its help, and the built binary from start to exit code.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod process;

use std::path::Path;
use std::time::{Duration, Instant};

use portcullis::config::{self, Config, Mistakes, settings};
use process::{Serving, call, portcullis, portcullis_with};
use serde_json::Value;

// --- Configuration -----------------------------------------------------------------------------------------------------------

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portcullis.toml");
    std::fs::write(&file, text).unwrap();
    let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    config::load(Config::default(), Some(&file), variables).map_err(|mut mistakes| {
        let prefix = format!("{}/", dir.path().display());
        mistakes.0.iter_mut().for_each(|m| m.place = m.place.replace(&prefix, ""));
        mistakes
    })
}
fn mistakes(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    load(text, variables).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_printed_default_is_the_default() {
    let text = settings::render(&Config::default());
    // the directory of the file is where its paths begin
    let read = config::load(Config::default(), None, std::iter::empty()).unwrap();
    assert_eq!(read, Config::default());
    let mut read = load(&text, &[]).unwrap();
    assert!(read.data_dir.ends_with(".portcullis"));
    read.data_dir = Config::default().data_dir;
    assert_eq!(read, Config::default());
    // what only the environment may carry
    let secrets = ["master_key", "master_key_next", "mail.smtp_password"];
    for setting in settings::all() {
        let key = setting.name.rsplit('.').next().unwrap();
        let shown = text.lines().any(|l| l.trim_start_matches("# ").starts_with(&format!("{key} = ")));
        assert_eq!(shown, !secrets.contains(&setting.name), "{}", setting.name);
    }
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_to_do() {
    let text = "public_url = \"id.example.com\"\n\n[server]\nlisen = \"127.0.0.1:1\"\ndrain_seconds = 60\n\n[cors]\n\
                allowed_origins = [\"https://a.example.com/\"]\n[smtp]\nhost = \"x\"\n";
    assert_eq!(
        mistakes(text, &[]),
        [
            "portcullis.toml:1: public_url: write an http or https URL without path, such as \"https://id.example.com\"",
            "portcullis.toml:4: there is no setting server.lisen (do you mean server.listen?); remove it",
            "portcullis.toml:5: server.drain_seconds: write a whole number from 0 to 25",
            "portcullis.toml:8: cors.allowed_origins: write a list of origins such as [\"https://console.example.com\"]",
            "portcullis.toml:9: there is no setting smtp; remove it",
        ]
    );
}

#[test]
fn sec_05_passkeys_are_for_the_domain_of_the_public_url() {
    let with = |id: &str| format!("public_url = \"https://id.example.com\"\nrp_id = \"{id}\"\n");
    let party = |id: &str| load(&with(id), &[]).unwrap().app().relying_party().unwrap().id().to_owned();
    assert_eq!((party("id.example.com"), party("example.com")), ("id.example.com".into(), "example.com".into()));
    assert_eq!(
        mistakes(&with("example.org"), &[]),
        ["rp_id: example.org is neither the domain of public_url (https://id.example.com) nor above it"]
    );
    let derived = |url: &str| load(&format!("public_url = \"{url}\"\n"), &[]).unwrap().app().relying_party();
    assert_eq!(derived("https://id.example.com:8443").unwrap().id(), "id.example.com");
    assert!(derived("http://192.0.2.1:7400").is_none() && derived("http://[::1]:7400").is_none());
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let told = mistakes("audience = \"x\"\npublic_url = = 1\n", &[]);
    assert!(told[0].starts_with("portcullis.toml:2: this is not TOML: "), "{told:?}");
}

#[test]
fn the_environment_wins_over_the_file() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\nmax_in_flight = 5\n";
    let variables = [
        ("PORTCULLIS_SERVER__LISTEN", "[::1]:2"),
        ("PORTCULLIS_CORS__ALLOWED_ORIGINS", "https://a.example.com, https://b.example.com:8443"),
        ("PORTCULLIS_WORKERS__ENABLED", "false"),
        ("PORTCULLIS_DATABASE__URL", "postgres://u:geheim@db.example.com/p"),
        ("PORTCULLIS_PORT_7400_TCP_ADDR", "10.0.0.1"),
        ("HOME", "/"),
    ];
    let config = load(text, &variables).unwrap();
    assert_eq!(config.server.listen, "[::1]:2".parse().unwrap());
    assert_eq!(config.server.max_in_flight, 5);
    assert_eq!(config.cors.allowed_origins, ["https://a.example.com", "https://b.example.com:8443"]);
    assert!(!config.workers.enabled);
    assert!(!format!("{config:?}").contains("geheim"), "a secret is never shown");
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    let variables = [("PORTCULLIS_SERVER__LISTN", "x"), ("PORTCULLIS_CACHE__TENANTS", "many")];
    assert_eq!(
        mistakes("", &variables),
        [
            "PORTCULLIS_CACHE__TENANTS: write a whole number",
            "PORTCULLIS_SERVER__LISTN: there is no setting of this name (do you mean server.listen?); unset it",
        ]
    );
}

#[test]
fn sec_18_the_master_key_stays_out_of_the_file() {
    let told = mistakes("master_key = \"c2VjcmV0\"\n", &[]);
    assert_eq!(told, ["portcullis.toml:1: master_key does not belong into a file; set PORTCULLIS_MASTER_KEY instead"]);
    let config = load("", &[("PORTCULLIS_MASTER_KEY", "c2VjcmV0")]).unwrap();
    assert!(!format!("{config:?}").contains("c2VjcmV0"));
}

#[test]
fn sec_14_a_hash_that_would_never_be_verified_is_not_configured() {
    let told = mistakes("[password]\nmemory_kib = 262144\npasses = 5\n", &[]);
    assert!(told.len() == 1 && told[0].contains("password.memory_kib × password.passes"), "{told:?}");
    assert!(load("[password]\nmemory_kib = 262144\npasses = 4\n", &[]).is_ok());
}

#[test]
fn paths_of_a_file_begin_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.toml");
    std::fs::write(&file, "data_dir = \"data\"\nmaster_key_file = \"/etc/key\"\n").unwrap();
    let config = config::load(Config::default(), Some(&file), std::iter::empty()).unwrap();
    assert_eq!(config.data_dir, dir.path().join("data"));
    assert_eq!(config.master_key_path(), Path::new("/etc/key"));
}

#[test]
fn config_check_and_default() {
    let dir = tempfile::tempdir().unwrap();
    let (code, text, _) = portcullis(dir.path(), &["config", "default"]);
    assert_eq!(code, 0);
    std::fs::write(dir.path().join("good.toml"), text).unwrap();
    assert_eq!(portcullis(dir.path(), &["config", "check", "good.toml"]).0, 0);
    std::fs::write(dir.path().join("bad.toml"), "metrix = 1\n").unwrap();
    let (code, out, err) = portcullis(dir.path(), &["config", "check", "bad.toml"]);
    assert_eq!((code, err.lines().count()), (1, 1), "{err}");
    assert!(out.starts_with("bad.toml:1: there is no setting metrix"), "{out}");
}

// --- Help --------------------------------------------------------------------------------------------------------------------

#[test]
fn the_help_is_the_golden_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help.golden");
    let help = portcullis::cli::help();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &help).unwrap();
    }
    let written = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(help == written, "the help has changed; UPDATE_GOLDEN=1 writes it anew:\n{help}");
}

#[test]
fn what_is_not_understood_exits_2_and_the_version_0() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(portcullis(dir.path(), &["fly"]).0, 2);
    assert_eq!(portcullis(dir.path(), &["init", "--owner-email", "nobody"]).0, 2);
    let (code, out, _) = portcullis(dir.path(), &["--version"]);
    assert_eq!((code, out.trim()), (0, concat!("portcullis ", env!("CARGO_PKG_VERSION"))));
}

// --- dev ---------------------------------------------------------------------------------------------------------------------

fn text<'a>(ready: &'a Value, key: &str) -> &'a str {
    ready[key].as_str().unwrap_or_else(|| panic!("{key} in {ready}"))
}

#[test]
fn dev_makes_everything_serves_and_keeps_its_store() {
    let dir = tempfile::tempdir().unwrap();
    let first = Serving::dev(dir.path());
    let ready = first.ready.clone();
    let (url, tenant) = (text(&ready, "base_url"), text(&ready, "tenant_id"));
    let keys: Vec<&String> = ready.as_object().unwrap().keys().collect();
    let expected = ["base_url", "tenant_id", "owner_email", "owner_password", "api_key", "access_token"];
    assert_eq!(keys, expected);

    // the line is there once the server answers: at once, with no second try
    assert_eq!(call(url, "GET", "/healthz", &[], "").0, 200);
    assert_eq!(call(url, "GET", "/ping", &[], "").0, 200);
    let bearer = format!("Bearer {}", text(&ready, "access_token"));
    let user = r#"{"email":"ada@example.com","name":"Ada","password":"plum-orbit-canvas-41","roles":["user"],"auth_provider":"local"}"#;
    let headers = [("Authorization", bearer.as_str()), ("X-Tenant-ID", tenant)];
    let (status, body) = call(url, "POST", "/v1/users", &headers, user);
    assert_eq!(status, 201, "{body}");
    let (status, body) = call(url, "POST", "/v1beta1/users", &headers[..1], r#"{"email":"john.doe@example.com"}"#);
    assert_eq!(status, 200, "{body}");
    let login =
        format!(r#"{{"email":"{}","password":"{}"}}"#, text(&ready, "owner_email"), text(&ready, "owner_password"));
    let (status, body) = call(url, "POST", "/v1/auth/login", &[], &login);
    assert_eq!(status, 200, "{body}");
    // unknown paths are answered in the words of their surface
    assert!(call(url, "GET", "/v1/nothing", &[], "").1.contains(r#""code":"not_found""#));
    assert!(call(url, "GET", "/v1beta1/nothing", &[], "").1.contains(r#""code":5"#));

    // a second process on the same directory says so
    let data_dir = dir.path().join("data");
    let (code, out, err) = portcullis(dir.path(), &["dev", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("data") && err.contains("stop it") && err.lines().count() == 1, "{err}");
    assert!(!err.contains("socket"), "there is none: {err}");
    let (code, _, err) = portcullis(dir.path(), &["admin", "reset-owner", "--data-dir", "data"]);
    assert!(code == 1 && err.contains("stop it"), "{err}");

    let (code, took, rest) = first.terminate();
    assert_eq!((code, rest.as_str()), (0, ""), "nothing follows the first line");
    assert!(took < Duration::from_secs(20), "{took:?}");

    let second = Serving::dev(dir.path());
    let again = second.ready.clone();
    assert_eq!(again["tenant_id"], ready["tenant_id"]);
    assert_eq!(again["owner_password"], Value::Null);
    let url = text(&again, "base_url");
    let list = |key: &str| call(url, "GET", "/v1/users", &[("X-API-Key", key), ("X-Tenant-ID", tenant)], "");
    assert_eq!(list(text(&ready, "api_key")).0, 401, "the old key is dead");
    let (status, body) = list(text(&again, "api_key"));
    assert!(status == 200 && body.contains("ada@example.com"), "{status} {body}");
    assert_eq!(second.terminate().0, 0);
    modes_are_private(&data_dir);
}

fn modes_are_private(data_dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(data_dir), 0o700);
    for file in ["master.key", "portcullis.db", "audit-checkpoints.log"] {
        assert_eq!(mode(&data_dir.join(file)), 0o600, "{file}");
    }
}

#[test]
fn dev_prints_both_calls_ready_to_paste() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serving::dev_for_people(dir.path());
    let text = server.printed_until("Ctrl-C");
    assert!(
        text.contains("http://localhost:") && text.contains("/v1/users \\\n") && text.contains("/v1beta1/users' \\\n")
    );
    for calls in ["--header 'X-Tenant-ID: ", "--header 'Authorization: Bearer ey", "-H 'Authorization: Bearer ey"] {
        assert!(text.contains(calls), "{calls}");
    }
    assert!(!text.contains('<'), "no placeholder is left: {text}");
}

#[test]
fn sec_18_dev_warns_when_others_can_reach_it() {
    let dir = tempfile::tempdir().unwrap();
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let said = Serving::dev_stderr(dir.path(), local, &[]);
        assert!(!said.contains("plain HTTP"), "{local}: {said}");
    }
    // in the log, which is on standard error, and there even if the log is told to keep quiet
    let said = Serving::dev_stderr(dir.path(), "0.0.0.0:0", &[]);
    let line: Value = serde_json::from_str(said.lines().find(|l| l.contains("plain HTTP")).unwrap()).unwrap();
    assert_eq!(line["level"], "WARN");
    assert!(line["address"].as_str().unwrap().starts_with("0.0.0.0:"), "{line}");
    let quiet = [("PORTCULLIS_LOG__LEVEL", "error")];
    let said = Serving::dev_stderr(dir.path(), "0.0.0.0:0", &quiet);
    assert_eq!(said.lines().filter(|l| l.contains("plain HTTP")).count(), 1, "{said}");
}

#[test]
fn sec_18_a_master_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Serving::dev(dir.path()).terminate().0, 0);
    let file = dir.path().join("data/master.key");
    for mode in [0o640, 0o604, 0o620, 0o610, 0o601, 0o644, 0o660] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        for command in [
            &["dev", "--data-dir", "data", "--listen", "127.0.0.1:0"][..],
            &["admin", "reset-owner", "--data-dir", "data"],
        ] {
            let (code, out, err) = portcullis(dir.path(), command);
            assert!(code != 0 && out.is_empty() && err.lines().count() == 1, "{mode:o} {command:?}: {out}{err}");
            assert!(err.contains("data/master.key") && err.contains(&format!("{mode:04o}")), "{err}");
            assert!(err.contains("chmod 600"), "{err}");
        }
    }
    process::chmod_600(&file);
    assert_eq!(Serving::dev(dir.path()).terminate().0, 0);
}

#[test]
fn a_lost_master_key_is_told_and_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Serving::dev(dir.path()).terminate().0, 0);
    std::fs::remove_file(dir.path().join("data/master.key")).unwrap();
    let (code, _, err) = portcullis(dir.path(), &["dev", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    assert!(code == 1 && err.contains("there is no master key"), "{err}");
    assert!(!dir.path().join("data/master.key").exists());
}

// --- keys --------------------------------------------------------------------------------------------------------------------

#[test]
fn breached_passwords_build() {
    let dir = tempfile::tempdir().unwrap();
    let build = |more: &[&str]| {
        let command = ["admin", "breached-passwords", "build", "--to", "list.bin"];
        portcullis(dir.path(), &[&command[..], more].concat())
    };
    // "velvet-anchor-monsoon", "password": in order
    let hashes = "0FA73F2B7D21E9CBE7ED48F01E9C1F5C86E2A9AB:3\n5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\n";
    std::fs::write(dir.path().join("hashes.txt"), hashes).unwrap();
    let (code, out, err) = build(&["--from", "hashes.txt", "--least", "10"]);
    assert!(code == 0 && out.contains("list.bin: 1 passwords"), "{out}{err}");
    std::fs::write(dir.path().join("wrong.txt"), format!("{hashes}x\n")).unwrap();
    let (code, _, err) = build(&["--from", "wrong.txt"]);
    assert!(code == 1 && err.contains("line 3"), "{err}");
    std::fs::write(dir.path().join("clear.txt"), "velvet-anchor-monsoon\npassword\n").unwrap();
    let (code, out, err) = build(&["--from", "clear.txt", "--clear"]);
    assert!(code == 0 && out.contains("2 passwords"), "{out}{err}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4, "nothing half made is left");
    // a server that cannot read it says so before it serves
    let variables = [("PORTCULLIS_PASSWORD__BREACHED_FILE", "hashes.txt")];
    let (code, _, err) = portcullis_with(dir.path(), &["init", "--owner-email", "a@example.com"], &variables);
    assert!(code == 1 && err.contains("no list of breached passwords"), "{err}");
}

/// The ids in the JWKS of a `dev` server.
fn published(server: &Serving) -> Vec<String> {
    let (status, body) = call(server.ready["base_url"].as_str().unwrap(), "GET", "/.well-known/jwks.json", &[], "");
    assert_eq!(status, 200, "{body}");
    let keys: Value = serde_json::from_str(&body).unwrap();
    keys["keys"].as_array().unwrap().iter().map(|k| k["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn sec_18_rotate_token_key() {
    let dir = tempfile::tempdir().unwrap();
    let rotate =
        |more: &[&str]| portcullis(dir.path(), &[&["admin", "rotate-token-key", "--data-dir", "data"], more].concat());
    let (code, _, err) = rotate(&[]);
    assert!(code == 1 && err.contains("there is no store"), "{err}");
    let server = Serving::dev(dir.path());
    let first = published(&server);
    let (code, _, err) = rotate(&[]);
    assert!(code == 1 && err.contains("another"), "a server has it open: {err}");
    server.terminate();
    let (code, out, err) = rotate(&[]);
    assert!(code == 0 && out.contains("It is published now"), "{out}{err}");
    let server = Serving::dev(dir.path());
    let both = published(&server);
    assert!(both.len() == 2 && both[0] == first[0] && out.contains(&both[1]), "{both:?}");
    server.terminate();
    let (code, out, _) = rotate(&["--now"]);
    assert!(code == 0 && out.contains(&format!("what {} signed", first[0])), "{out}");
    let server = Serving::dev(dir.path());
    let last = published(&server);
    assert!(last.len() == 1 && !both.contains(&last[0]), "{last:?}");
}

#[test]
fn sec_18_rotate_master_key() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let key = |name: &str| std::fs::read_to_string(data.join(name)).unwrap();
    let rotate = || portcullis(dir.path(), &["admin", "rotate-master-key", "--data-dir", "data"]);
    Serving::dev(dir.path()).terminate();
    let first = key("master.key");
    let (code, out, err) = rotate();
    assert!(code == 0 && out.contains("keys anew"), "{out}{err}");
    assert!(out.contains("rotate-token-key --now") && out.contains("Backups"), "what a leaked key asks for: {out}");
    assert!(!out.contains(first.trim()) && !out.contains(key("master.key").trim()), "no key is printed");
    let second = key("master.key");
    assert_ne!(first, second);
    assert!(!data.join("master.key.next").exists());
    let kept = std::fs::read_dir(&data).unwrap().map(|e| e.unwrap().path());
    let kept: Vec<_> = kept.filter(|p| p.to_str().unwrap().contains("master.key.")).collect();
    assert!(kept.len() == 1 && std::fs::read_to_string(&kept[0]).unwrap() == first, "{kept:?}");
    assert_eq!(std::fs::metadata(data.join("master.key")).unwrap().permissions().mode() & 0o777, 0o600);
    // the owner's sign-in, the log, everything opens
    Serving::dev(dir.path()).terminate();
    assert_eq!(portcullis(dir.path(), &["audit", "verify", "--data-dir", "data"]).0, 0);
    // the old key opens nothing
    std::fs::write(data.join("master.key"), &first).unwrap();
    let (code, _, err) = portcullis(dir.path(), &["admin", "reset-owner", "--data-dir", "data"]);
    assert!(code == 1 && err.contains("is this the master key of this store?"), "{err}");
    // cut off before the files changed places: the server serves, and the same command goes on
    std::fs::write(data.join("master.key.next"), &second).unwrap();
    process::chmod_600(&data.join("master.key.next"));
    Serving::dev(dir.path()).terminate();
    let (code, out, err) = rotate();
    assert!(code == 0 && out.contains(" 0 keys anew"), "{out}{err}");
    assert_eq!(key("master.key"), second);
    Serving::dev(dir.path()).terminate();
    // a key in the environment comes with the next one there
    let config = dir.path().join("data/p.toml");
    std::fs::write(&config, "data_dir = \".\"\n").unwrap();
    std::fs::remove_file(data.join("master.key")).unwrap();
    let by_environment = |next: Option<&str>| {
        let mut given = vec![("PORTCULLIS_MASTER_KEY", second.trim())];
        given.extend(next.map(|key| ("PORTCULLIS_MASTER_KEY_NEXT", key)));
        process::portcullis_with(dir.path(), &["admin", "rotate-master-key", "--config", "data/p.toml"], &given)
    };
    let (code, _, err) = by_environment(None);
    assert!(code == 1 && err.contains("PORTCULLIS_MASTER_KEY_NEXT"), "{err}");
    let (code, _, err) = by_environment(Some(second.trim()));
    assert!(code == 1 && err.contains("the one that is in use"), "{err}");
    let (code, out, err) = by_environment(Some(first.trim()));
    assert!(code == 0 && out.contains("remove PORTCULLIS_MASTER_KEY_NEXT"), "{out}{err}");
    std::fs::write(data.join("master.key"), &first).unwrap();
    process::chmod_600(&data.join("master.key"));
    Serving::dev(dir.path()).terminate();
}

// --- audit verify ------------------------------------------------------------------------------------------------------------

#[test]
fn audit_verify_tells_by_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let verify = |more: &[&str]| portcullis(dir.path(), &[&["audit", "verify", "--data-dir", "data"], more].concat());
    assert_eq!(verify(&[]).0, 2, "there is no store yet");

    let server = Serving::dev(dir.path());
    let (code, out, err) = verify(&[]);
    assert!(code == 0 && out.contains("verified"), "beside a running server: {out}{err}");
    assert_eq!(server.terminate().0, 0);
    let log = dir.path().join("data/audit-checkpoints.log");
    let kept = std::fs::read_to_string(&log).unwrap();
    assert!(kept.lines().count() > 0, "the last seal is at the shutdown");
    assert_eq!(verify(&[]).0, 0);
    std::fs::write(dir.path().join("kept.json"), kept.lines().last().unwrap()).unwrap();
    assert_eq!(verify(&["--checkpoint", "kept.json"]).0, 0);
    assert_eq!(verify(&["--checkpoint", "nothing.json"]).0, 2);

    let store = rusqlite::Connection::open(dir.path().join("data/portcullis.db")).unwrap();
    let whole: Vec<u8> = store.query_row(EVENT, [], |r| r.get(0)).unwrap();
    let mut bent = whole.clone();
    bent[10] ^= 1;
    store.execute(SET_BODY, [&bent]).unwrap();
    let (code, out, _) = verify(&[]);
    assert!(code == 1 && out.contains("entry 2 was changed"), "{code} {out}");
    store.execute(SET_BODY, [&whole]).unwrap();
    assert_eq!(verify(&[]).0, 0);
    store
        .execute(
            "UPDATE audit_events SET outcome = 'denied' WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 2)",
            [],
        )
        .unwrap();
    assert_eq!(verify(&[]).0, 1, "a column that does not say what was sealed");
    store
        .execute(
            "UPDATE audit_events SET outcome = 'ok' WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 2)",
            [],
        )
        .unwrap();
    assert_eq!(verify(&[]).0, 0);

    // a cut tail, with the checkpoints of the store cut too, shows against what was kept beside it or elsewhere
    store.execute("DELETE FROM audit_seals WHERE seq > 1", []).unwrap();
    store.execute("DELETE FROM audit_checkpoints WHERE seq > 1", []).unwrap();
    let (code, out, _) = verify(&[]);
    assert!(code == 1 && out.contains("cut off: entry 2"), "{code} {out}");
    std::fs::remove_file(&log).unwrap();
    assert_eq!(verify(&[]).0, 0, "nothing is left that would know");
    assert_eq!(verify(&["--checkpoint", "kept.json"]).0, 1);
}
const EVENT: &str = "SELECT body FROM audit_events WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 2)";
const SET_BODY: &str = "UPDATE audit_events SET body = ?1 WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 2)";

#[test]
fn an_exported_file_is_verified_with_the_public_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serving::dev(dir.path());
    let ready = server.ready.clone();
    let headers = [("X-API-Key", text(&ready, "api_key")), ("X-Tenant-ID", text(&ready, "tenant_id"))];
    let (status, export) = call(text(&ready, "base_url"), "GET", "/v1/audit-log/export", &headers, "");
    assert_eq!(status, 200, "{export}");
    std::fs::write(dir.path().join("log.ndjson"), &export).unwrap();
    let (code, key, err) = portcullis(dir.path(), &["audit", "keys", "--data-dir", "data"]);
    assert_eq!(code, 0, "{err}");
    std::fs::write(dir.path().join("audit.pub"), key).unwrap();
    assert_eq!(server.terminate().0, 0);
    std::fs::remove_dir_all(dir.path().join("data")).unwrap();
    let verify = |file: &str| portcullis(dir.path(), &["audit", "verify", file, "--public-key", "audit.pub"]);
    let (code, out, err) = verify("log.ndjson");
    assert!(code == 0 && out.contains("verified"), "{out}{err}");
    std::fs::write(dir.path().join("bent.ndjson"), export.replacen("tenant.created", "tenant.updated", 1)).unwrap();
    assert_eq!(verify("bent.ndjson").0, 1);
    std::fs::write(dir.path().join("short.ndjson"), &export[..export.len() / 2]).unwrap();
    assert_eq!(verify("short.ndjson").0, 2);
    assert_eq!(verify("nothing.ndjson").0, 2);
}

// --- init, serve, admin ------------------------------------------------------------------------------------------------------

#[test]
fn init_and_serve() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| portcullis(dir.path(), args);
    let init =
        ["init", "--owner-email", "owner@example.com", "--data-dir", "data", "--public-url", "https://id.example.com"];
    let (code, out, err) = run(&init);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("https://id.example.com/") && out.contains("portcullis serve --config data/portcullis.toml"));
    let key = out.lines().find_map(|l| l.strip_prefix("service key")).unwrap().trim().to_owned();
    let tenant =
        out.lines().find_map(|l| l.strip_prefix("tenant")).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(run(&["config", "check", "data/portcullis.toml"]).0, 0);
    let (code, _, err) = run(&init[..5]);
    assert!(code == 1 && err.contains("nothing to initialise"), "{err}");

    let server = Serving::serve(dir.path(), "data/portcullis.toml");
    let url = server.url();
    let (status, body) = call(&url, "GET", "/v1/users", &[("X-API-Key", &key), ("X-Tenant-ID", &tenant)], "");
    assert!(status == 200 && body.contains("owner@example.com"), "{status} {body}");
    assert_eq!(call(&url, "GET", "/metrics", &[], "").0, 404, "metrics are on their own listener");
    assert_eq!(server.terminate().0, 0);

    let (code, out, err) = run(&["admin", "reset-owner", "--data-dir", "data", "--tenant", &tenant]);
    assert!(code == 0 && out.contains("owner@example.com"), "{out}{err}");
    let password = out.lines().find_map(|l| l.strip_prefix("password")).unwrap().trim().to_owned();
    let (code, _, err) = run(&["admin", "reset-owner", "--data-dir", "data", "--tenant", "nobody"]);
    assert!(code == 1 && err.contains("no tenant nobody"), "{err}");
    let server = Serving::serve(dir.path(), "data/portcullis.toml");
    let login = format!(r#"{{"email":"owner@example.com","password":"{password}"}}"#);
    assert_eq!(call(&server.url(), "POST", "/v1/auth/login", &[], &login).0, 200);
    assert_eq!(server.terminate().0, 0);
}

#[test]
fn serve_wants_a_tenant_and_a_file_that_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, err) = portcullis(dir.path(), &["serve", "--config", "nothing.toml"]);
    assert!(code == 1 && err.starts_with("portcullis: nothing.toml: the file cannot be read"), "{err}");
    std::fs::write(dir.path().join("p.toml"), "data_dir = \"data\"\n").unwrap();
    let (code, _, err) = portcullis(dir.path(), &["serve", "--config", "p.toml"]);
    assert!(code == 1 && err.contains("there is no master key"), "{err}");
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/master.key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    let (code, _, err) = portcullis(dir.path(), &["serve", "--config", "p.toml"]);
    assert!(code == 1 && err.contains("chmod 600"), "{err}");
    process::chmod_600(&dir.path().join("data/master.key"));
    let (code, _, err) = portcullis(dir.path(), &["serve", "--config", "p.toml"]);
    assert!(code == 1 && err.contains("portcullis init"), "{err}");
    let (code, out, _) = portcullis(dir.path(), &["migrate", "--config", "p.toml"]);
    let latest = format!("version {}.", portcullis_store::latest_version());
    assert!(code == 0 && out.contains(&latest), "{out}");
}

#[test]
fn running_requests_may_finish_and_waiting_connections_do_not_hold_the_stop() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serving::dev(dir.path());
    let address = server.ready["base_url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let _idle = std::net::TcpStream::connect(&address).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(server.terminate().0, 0);
    assert!(start.elapsed() < Duration::from_secs(27), "{:?}", start.elapsed());
}
