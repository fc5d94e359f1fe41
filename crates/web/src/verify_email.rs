//! `/verify-email?token=`: the link of the mail that asks whether an address is one's own (spec v1 7.3, 9.5).
use axum::response::Response;
use portcullis_domain::{Code, Result};

use crate::link_form::{self, LinkForm};
use crate::page::{Frame, page, redirect};
use crate::return_to::link;
use crate::texts::EN;
use crate::visit::Visit;

/// Asks for a press of the button.
pub(crate) async fn show(visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let token = visit.query("token").unwrap_or_default();
    let form = LinkForm {
        frame: Frame::new(EN.verify),
        t: &EN,
        explained: EN.verify_explained.to_owned(),
        action: "/verify-email",
        fields: vec![],
        hidden: vec![("token", token)],
        button: EN.verify_confirm,
    };
    page(200, &form)
}
/// Proves the address.
pub(crate) async fn submit(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let token = visit.form().await?.text("token").to_owned();
    match visit.app().verify_email(visit.origin(), token).await {
        Ok(v) => redirect(&link("/sign-in", &[("tenant", &v.tenant_slug), ("done", "address_verified")])),
        Err(e) if e.code() == Code::InvalidToken => link_form::dead(EN.bad_verification_explained),
        Err(e) => Err(e),
    }
}
