//! `/account/permissions`: what one may do in the tenant.
use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use portcullis_domain::Result;

use super::{Account, Around};
use crate::page::{Frame, page};
use crate::texts::{EN, Texts, fill};

#[derive(Template)]
#[template(path = "account/rights.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    explained: String,
    roles: Vec<&'static str>,
    areas: BTreeMap<&'static str, Vec<&'static str>>,
}

/// Actions such as `users:create`, by what stands before the colon.
pub(super) fn by_area(actions: Vec<&'static str>) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut areas: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for action in actions {
        let (area, verb) = action.split_once(':').unwrap_or((action, ""));
        areas.entry(area).or_default().push(verb);
    }
    areas
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    let actions = account.visit.app().my_permissions(&account.cx).await?;
    let around = account.around("/account/permissions").await?;
    page(
        200,
        &Page {
            frame: account.frame(EN.rights, None),
            t: &EN,
            explained: fill(EN.rights_explained, &[("tenant", &account.doorway.brand.name)]),
            around,
            roles: account.cx.principal.roles.public().map(portcullis_domain::Role::as_str).collect(),
            areas: by_area(actions),
        },
    )
}
