//! `/v1/tenants/{id}/branding`: how a tenant shows itself on the pages and in mails.
use std::collections::BTreeMap;

use axum::response::Response;
use portcullis_domain::Result;
use portcullis_domain::branding::{Colour, Template, Words};
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::value::{line, text};
use portcullis_service::branding::{BrandingPatch, Set};
use serde::Serialize;
use serde_json::Value;

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape};
use crate::read;
use crate::render;

static READ: Op = Op::get(
    "/v1/tenants/{id}/branding",
    "getTenantBranding",
    "settings:read",
    "Read how your tenant shows itself on the pages and in mails.",
    (200, Shape::Json("Branding")),
);
static UPDATE: Op = Op::patch(
    "/v1/tenants/{id}/branding",
    "updateTenantBranding",
    "settings:update",
    "Change how your tenant shows itself; what is left out stays, null takes it away. Changing mails also needs roles:grant.",
    Body::Json("BrandingPatch"),
    (200, Shape::Json("Branding")),
);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![READ.to(get), UPDATE.to(update)]
}

#[derive(Serialize)]
pub(crate) struct BrandingView<'a> {
    name: Option<&'a str>,
    accent_color: Option<String>,
    welcome: Option<&'a str>,
    help: Option<&'a str>,
    logo_base64: Option<&'a str>,
    mails: BTreeMap<&'static str, WordsView<'a>>,
}
#[derive(Serialize)]
pub(crate) struct WordsView<'a> {
    subject: &'a str,
    body: &'a str,
}
impl<'a> BrandingView<'a> {
    pub(crate) fn of(s: &'a Set) -> Self {
        let b = &s.branding;
        let words = |w: &'a Words| WordsView { subject: &w.subject, body: &w.body };
        Self {
            name: b.name.as_deref(),
            accent_color: b.accent.map(|c| c.to_string()),
            welcome: b.welcome.as_deref(),
            help: b.help.as_deref(),
            logo_base64: s.logo.as_deref(),
            mails: b.mails.iter().map(|(t, w)| (t.as_str(), words(w))).collect(),
        }
    }
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let set = call.app().branding(&call.cx, call.id("id")).await?;
    Ok(render::resource(call.headers(), set.revision, &BrandingView::of(&set)))
}

async fn update(mut call: Call) -> Result<Response> {
    let patch = patch(call.take_fields());
    let (patch, if_match) = call.if_match(patch);
    let set = call.app().update_branding(&call.cx, call.id("id"), patch, if_match).await?;
    Ok(render::changed(set.revision, &BrandingView::of(&set)))
}
pub(crate) fn patch(mut f: Fields) -> Result<BrandingPatch> {
    const EMPTY: &str = "Enter something, or null.";
    let patch = BrandingPatch {
        name: f.patch("name", fields::line(60, EMPTY)),
        accent: f.patch("accent_color", |v| {
            fields::string(v).ok().and_then(|c| Colour::parse(&c)).ok_or("A colour as #rrggbb.")
        }),
        welcome: f.patch("welcome", fields::line(500, EMPTY)),
        help: f.patch("help", fields::line(500, EMPTY)),
        logo: f.patch("logo_base64", read::image),
        mails: mails(&mut f),
    };
    f.finish(Some(patch))
}
fn mails(f: &mut Fields) -> BTreeMap<Template, Option<Words>> {
    let Some(members) = f.change("mails", fields::object) else { return BTreeMap::new() };
    let mut all = Fields::nested(members, "mails");
    let mut out = BTreeMap::new();
    for template in Template::ALL {
        let kind = template.as_str();
        match all.take(kind) {
            None => {}
            Some(Value::Null) => {
                out.insert(template, None);
            }
            Some(Value::Object(members)) => {
                let mut one = Fields::nested(members, format!("mails.{kind}"));
                if let Some(words) = words(&mut one, template) {
                    out.insert(template, Some(words));
                }
                all.absorb(one);
            }
            Some(_) => all.wrong(kind, "An object with subject and body, or null."),
        }
    }
    f.absorb(all);
    out
}
fn words(one: &mut Fields, template: Template) -> Option<Words> {
    const MISSING: &str = "A mail has a subject and a body.";
    let filled = |s: String| if s.is_empty() { Err(MISSING.to_owned()) } else { Ok(s) };
    let subject = one.required("subject", MISSING, |v| line(&fields::string(v)?, 200).and_then(filled));
    let body = one.required("body", MISSING, |v| text(&fields::string(v)?, 4_000).and_then(filled));
    let words = Words { subject: subject?, body: body? };
    words.check(template).map_err(|(field, why)| one.wrong(field, why)).ok()?;
    Some(words)
}
