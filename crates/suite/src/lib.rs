//! What a fuzzer feeds: one function for each parser of ours, which panics if a promise of that parser does not hold.
//!
//! `fuzz/` runs them under libFuzzer; `tests/suite/corpora.rs` replays what it found. The tests of the whole are in
//! `tests/suite`, which see the server as its clients do.
use portcullis_audit::checkpoint::Checkpoint;
use portcullis_audit::export::verify_export;
use portcullis_authz::{Rule, rule};
use portcullis_crypto::backup_code::BackupCode;
use portcullis_crypto::seal::Key;
use portcullis_crypto::{cursor, machine_key, password, signing, token, totp};
use portcullis_domain::scim::Search;
use portcullis_domain::value::{DomainName, Email, Slug};
use portcullis_domain::{Timestamp, avatar};
use portcullis_scim::{filter, group, user};
use portcullis_wire_v1beta1::{Messages, Zeros, json};

mod saml;

/// Feeds one parser; panics if a promise of it does not hold.
pub type Parser = fn(&[u8]);

/// Every parser by the name of its corpus.
pub const PARSERS: &[(&str, Parser)] = &[
    ("body", body),
    ("checkpoint", checkpoint),
    ("credential", credential),
    ("export", export),
    ("message", message),
    ("rule", cedar),
    ("scim", scim),
    ("saml", saml::response),
    ("value", value),
];

/// Feeds one parser.
///
/// # Panics
/// When a promise of the parser does not hold, or there is no such parser.
pub fn run(name: &str, data: &[u8]) {
    let (_, parser) = PARSERS.iter().find(|(n, _)| *n == name).expect("a name of PARSERS");
    parser(data);
}

fn text(data: &[u8]) -> &str {
    std::str::from_utf8(data).unwrap_or_default()
}

/// Strict JSON is JSON.
fn body(data: &[u8]) {
    if let Ok(strict) = portcullis_edge::json::value(data) {
        let loose: serde_json::Value = serde_json::from_slice(data).expect("strict JSON is JSON");
        assert_eq!(strict, loose);
    }
}

/// A checkpoint that parses prints itself.
fn checkpoint(data: &[u8]) {
    if let Ok(c) = Checkpoint::parse(text(data)) {
        assert_eq!(Checkpoint::parse(&c.to_line()).expect("its own line"), c);
    }
}

/// Nothing that was not made here is taken for a credential.
fn credential(data: &[u8]) {
    let t = text(data);
    let _ = token::ApiKey::parse(t);
    let _ = token::Purpose::Invitation.parse(t);
    let _ = password::check_imported(t);
    let _ = totp::Code::parse(t);
    if let Some(code) = BackupCode::parse(t) {
        let again = BackupCode::parse(code.raw().expose()).expect("what it is shown as");
        assert_eq!(again.raw().expose(), code.raw().expose());
    }
    let key = Key::new([7; 32]);
    let scope = cursor::Scope { tenant: uuid::Uuid::nil(), route: "r", filters: "f", sort: "s" };
    assert!(cursor::Cursors::new(&key).open(&scope, t, Timestamp::from_micros(0)).is_err());
    assert!(key.open(b"", data).is_err());
    let _ = signing::VerifyingKey::parse(t);
    let _ = token::ServiceToken::parse(t);
    let _ = machine_key::PublicKey::parse(t);
    if let Ok(assertion) = machine_key::Assertion::read(t) {
        assert!(assertion.key().to_string().len() == 36);
    }
}

/// An export that nobody signed never verifies a checkpoint, and never panics.
fn export(data: &[u8]) {
    if let Ok(report) = verify_export(data, &[], None) {
        assert_eq!(report.last_checkpoint, None);
    }
}

/// A message that was read is written and read back the same.
fn message(data: &[u8]) {
    let descriptor = Messages::named("CreateUserRequest");
    if let Ok(m) = json::read(descriptor.clone(), data) {
        let again = json::read(descriptor, &json::write(&m, Zeros::LeftOut)).expect("its own JSON");
        assert_eq!(m, again);
    }
}

/// What was laid out reads back as the same rule.
fn cedar(data: &[u8]) {
    let t = text(data);
    if let Ok(r) = Rule::parse_text(t, &()) {
        let again = Rule::parse_text(&r.render(None), &()).expect("the canonical layout parses");
        assert_eq!(r.parts, again.parts);
        let _ = rule::validate(&r);
    }
    let _ = rule::parse_many(t, &());
}

/// A filter that reads is as small as it has to be; no body and no path of a patch is too much.
fn scim(data: &[u8]) {
    fn size<F>(search: &Search<F>) -> (usize, usize) {
        match search {
            Search::Constant(_) | Search::Present(_) | Search::Is(..) => (1, 1),
            Search::Not(inner) => (size(inner).0 + 1, size(inner).1),
            Search::All(all) | Search::Any(all) => {
                let sizes: Vec<_> = all.iter().map(size).collect();
                (1 + sizes.iter().map(|s| s.0).max().unwrap_or(0), sizes.iter().map(|s| s.1).sum())
            }
        }
    }
    let t = text(data);
    // an unequal is a negation of one term
    let bounded = |(depth, terms)| assert!(depth <= filter::DEPTH + 1 && terms <= filter::TERMS, "{t}");
    if let Ok(search) = filter::of_users(t) {
        bounded(size(&search));
    }
    if let Ok(search) = filter::of_groups(t) {
        bounded(size(&search));
    }
    let patch = serde_json::json!({ "Operations": [{ "op": "replace", "path": t, "value": t }] });
    let bodies = [serde_json::from_slice(data).unwrap_or_default(), patch];
    for body in bodies.iter().filter_map(serde_json::Value::as_object) {
        let _ = (user::read(body), user::Patch::read(body), group::read(body));
        if let Ok(change) = group::patch(body) {
            assert!(change.members.len() <= 1_000);
        }
    }
}

/// A value that parses parses to itself.
fn value(data: &[u8]) {
    let t = text(data);
    if let Ok(e) = Email::parse(t) {
        assert_eq!(Email::parse(&e).expect("itself"), e);
        let slug = Slug::from_email(&e);
        assert_eq!(Slug::parse(&slug).expect("a slug"), slug);
    }
    if let Ok(d) = DomainName::parse(t) {
        assert_eq!(DomainName::parse(&d).expect("itself"), d);
    }
    if let Ok(s) = Slug::parse(t) {
        assert_eq!(Slug::parse(&s).expect("itself"), s);
    }
    if let Ok(at) = t.parse::<Timestamp>() {
        assert_eq!(at.to_string().parse::<Timestamp>().expect("itself"), at);
    }
    let _ = avatar::either(t);
}
