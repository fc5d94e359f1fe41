//! The row that says how a tenant shows itself.
use std::collections::BTreeMap;

use portcullis_domain::branding::{Branding, Colour, Template, Words};
use serde_json::{Map, Value, json};

use crate::{P, Result, Row, Tx};

statements! {
    SET: write "INSERT INTO brandings (tenant, name, accent, welcome, help, mails, logo_digest, revision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT (tenant) DO UPDATE SET name = excluded.name, \
        accent = excluded.accent, welcome = excluded.welcome, help = excluded.help, mails = excluded.mails, \
        logo_digest = excluded.logo_digest, revision = brandings.revision + 1";
    GET: point "SELECT name, accent, welcome, help, mails, logo_digest, revision FROM brandings WHERE tenant = $1";
    SET_LOGO: write "UPDATE brandings SET logo = $2 WHERE tenant = $1";
    LOGO: point "SELECT logo FROM brandings WHERE tenant = $1 AND logo_digest = $2";
}

fn read(r: &Row<'_>) -> Result<(Branding, i64)> {
    let branding = Branding {
        name: r.opt_text(0)?,
        accent: r.opt_text(1)?.and_then(|c| Colour::parse(&c)),
        welcome: r.opt_text(2)?,
        help: r.opt_text(3)?,
        mails: mails(r.str(4)?),
        logo: r.opt_array(5)?,
    };
    Ok((branding, r.int(6)?))
}
fn mails(text: &str) -> BTreeMap<Template, Words> {
    let all: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let word = |v: &Value, name: &str| v.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    all.iter()
        .filter_map(|(kind, v)| {
            Some((Template::parse(kind)?, Words { subject: word(v, "subject")?, body: word(v, "body")? }))
        })
        // what an earlier version took may be what is refused today
        .filter(|(template, words)| words.check(*template).is_ok())
        .collect()
}

/// The tenant's, with its revision; 0 as long as nothing was set.
pub async fn get(tx: &mut Tx) -> Result<(Branding, i64)> {
    Ok(tx.one(&GET, &[], read).await?.unwrap_or_default())
}
/// Writes it; the logo itself goes with [`set_logo`].
pub async fn set(tx: &mut Tx, b: &Branding) -> Result<()> {
    let mails: Map<String, Value> = b
        .mails
        .iter()
        .map(|(kind, w)| (kind.as_str().to_owned(), json!({ "subject": w.subject, "body": w.body })))
        .collect();
    let (accent, mails) = (b.accent.map(|c| c.to_string()), Value::from(mails).to_string());
    let params = [
        b.name.as_deref().into(),
        accent.as_deref().into(),
        b.welcome.as_deref().into(),
        b.help.as_deref().into(),
        P::Text(&mails),
        b.logo.as_ref().map(<[u8; 32]>::as_slice).into(),
    ];
    tx.run(&SET, &params).await.map(drop)
}
/// The logo as a data URI; none takes it away.
pub async fn set_logo(tx: &mut Tx, uri: Option<&str>) -> Result<()> {
    tx.run(&SET_LOGO, &[uri.into()]).await.map(drop)
}
/// The logo with this digest.
pub async fn logo(tx: &mut Tx, digest: &[u8; 32]) -> Result<Option<String>> {
    tx.one(&LOGO, &[P::Bytes(digest)], |r| r.text(0)).await
}
